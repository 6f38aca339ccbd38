"""Convert weights of earlier formats to current names."""

from __future__ import annotations

from typing import Any

from torch import Tensor

FORMAT = "scellm-weights-2"
FORMATS = ("scellm-weights-1", FORMAT)

_PREFIXES = {
    "encoder.": "cell_encoder.encoder.",
    "pooling.": "cell_encoder.pooling.",
    "masked_head.": "heads.masked.",
    "origin_head.": "heads.malignancy.",
}
_POOLING = {"started": "initialized", "place": "hashed_index", "sketch_weight": "hashed_weight"}
_OPTIONS = {"sketch": "hashed_dim"}


def upgrade(state: dict[str, Tensor], card: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Convert names of format 1 to format 2; a file of the current format is returned unchanged.

    Parameters
    ----------
    state
        Names to tensors.
    card
        With its `format`.

    Returns
    -------
    tuple
        Names to tensors, and the card.
    """
    if card["format"] == FORMAT:
        return state, card
    options = {_OPTIONS.get(k, k): v for k, v in card["model"].items()}
    return {_name(k): v for k, v in state.items()}, card | {"model": options}


def _name(old: str) -> str:
    if old.startswith("pooling."):
        own = old.removeprefix("pooling.")
        return f"cell_encoder.pooling.{_POOLING.get(own, own)}"
    prefix = next((p for p in _PREFIXES if old.startswith(p)), "")
    return _PREFIXES.get(prefix, "") + old.removeprefix(prefix)
