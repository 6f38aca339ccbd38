"""The provenance of a slot, as strings and numbers, so that any AnnData can be written to disk."""

from __future__ import annotations

from collections.abc import Iterable
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


def drop_earlier(adata: AnnData, answers: str, slots: Iterable[str]) -> None:
    """Delete slots that an earlier call wrote with the same answers, so that none of it stands beside newer ones.

    To be called before :func:`record`. Slots of the same name that this call did not write stay.

    Parameters
    ----------
    adata
        Cells by genes.
    answers
        The slot that every call writes.
    slots
        Slots that this call does not write.
    """
    ours = adata.uns.get(_keys.UNS, {})
    recorded = ours.get(_keys.SLOTS, {})
    of_call = lambda key: {k: v for k, v in recorded.get(key, {}).items() if k != "where"}
    earlier = {key: recorded[key]["where"] for key in slots if of_call(key) and of_call(key) == of_call(answers)}
    for key, where in earlier.items():
        if key in getattr(adata, where):
            del getattr(adata, where)[key]
    if earlier:
        kept = {key: entry for key, entry in recorded.items() if key not in earlier}
        adata.uns[_keys.UNS] = {**ours, _keys.SLOTS: kept}
