"""What made a slot, in words and numbers that any AnnData can be written with."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version

from anndata import AnnData

from scellm import _keys
from scellm._logging import logger


def record(adata: AnnData, tool: str, model: object, slots: dict[str, str]) -> None:
    """Write `uns['celllm'][tool]` and log what was added.

    Parameters
    ----------
    adata
        Cells by genes.
    tool
        Name of the tool.
    model
        What made the values.
    slots
        For each slot written, where it is.
    """
    summary = getattr(model, "_model_summary_string", type(model).__name__)
    entry = {
        "model": summary,
        "scellm": version("scellm"),
        "torch": version("torch"),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "slots": ", ".join(f"{where}[{key!r}]" for key, where in slots.items()),
    }
    adata.uns[_keys.UNS] = {**adata.uns.get(_keys.UNS, {}), tool: entry}
    logger.info("%s: added %s", tool, ", ".join(f"{key!r} (adata.{where})" for key, where in slots.items()))
