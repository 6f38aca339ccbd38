"""Objectives by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from scellm.nn import Config
from scellm.train.objectives._base import BatchObjective, CellObjective, TokenObjective
from scellm.train.objectives._contrastive import Contrastive
from scellm.train.objectives._denoise import Denoise
from scellm.train.objectives._malignancy import Malignancy
from scellm.train.objectives._masked import MaskedExpression
from scellm.train.objectives._momentum import MomentumContrast

OBJECTIVES: dict[str, type[TokenObjective] | type[CellObjective] | type[BatchObjective]] = {
    "contrastive": Contrastive,
    "masked": MaskedExpression,
    "malignancy": Malignancy,
    "denoise": Denoise,
}
"""Objectives by name. To add one, write a file and list it here."""

CONTRASTS: dict[str | None, type[BatchObjective] | None] = {
    "divide-and-conquer": Contrastive,
    "end-to-end": Contrastive,
    "moco": MomentumContrast,
    None: None,
}
"""Values of `contrast=`: how the contrastive objective is computed."""


def token_objectives() -> dict[str, type[TokenObjective]]:
    """The objectives on tokens that are sums over chunks."""
    return {name: o for name, o in OBJECTIVES.items() if issubclass(o, TokenObjective)}


def cell_objectives() -> dict[str, type[CellObjective]]:
    """The objectives on cell embeddings that are sums over chunks."""
    return {name: o for name, o in OBJECTIVES.items() if issubclass(o, CellObjective)}


def make_heads() -> dict[str, Callable[[Config], nn.Module]]:
    """Functions that make the heads of objectives, by name; for :class:`scellm.module.CellLMModule`."""
    return {name: o.make_head for kind in (token_objectives(), cell_objectives()) for name, o in kind.items()}
