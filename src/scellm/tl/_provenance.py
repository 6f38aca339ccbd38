"""The provenance of a slot, as strings and numbers, so that any AnnData can be written to disk."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version

from anndata import AnnData

from scellm import _keys
from scellm._logging import logger


def record(adata: AnnData, tool: str, model: object, slots: dict[str, str], **more: str) -> None:
    """Write `uns['celllm']['slots'][key]` for each slot, and log what was added.

    A second call with another `key_added` keeps the record of the first.

    Parameters
    ----------
    adata
        Cells by genes.
    tool
        Name of the tool.
    model
        The model that computed the values.
    slots
        For each slot written, its place: "obs", "obsm" or "varm".
    **more
        Further facts, as strings.
    """
    entry = {
        "tool": tool,
        "model": getattr(model, "_model_summary_string", type(model).__name__),
        "scellm": version("scellm"),
        "torch": version("torch"),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **more,
    }
    ours = adata.uns.get(_keys.UNS, {})
    recorded = {key: {**entry, "where": where} for key, where in slots.items()}
    adata.uns[_keys.UNS] = {**ours, _keys.SLOTS: {**ours.get(_keys.SLOTS, {}), **recorded}}
    logger.info("%s: added %s", tool, ", ".join(f"{key!r} (adata.{where})" for key, where in slots.items()))
