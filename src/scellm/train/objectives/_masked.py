"""The masked objective: predict masked expression bins (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from scellm._tokens import Padded, Tokens
from scellm.nn import Config, MaskedHead
from scellm.train.objectives._base import Labels, TokenObjective


class MaskedExpression(TokenObjective):
    """Mask the bins of some expressed genes and predict them.

    Parameters
    ----------
    rate, keep
        As in :func:`mask`.
    """

    name = "masked"
    changes_input = True

    def __init__(self, rate: float = 0.15, keep: float = 0.1) -> None:
        self.rate, self.keep = rate, keep

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Reads `mask_rate` and `mask_keep`."""
        return cls(options["mask_rate"], options["mask_keep"])

    @staticmethod
    def make_head(config: Config) -> nn.Module:
        """A linear layer to the bins."""
        return MaskedHead(config.dim, config.n_bins)

    def inputs(self, tokens: Tokens, mask_id: int, generator: torch.Generator) -> Tokens:
        """Mask some genes."""
        return mask(tokens, mask_id, generator, self.rate, self.keep)

    def count(self, tokens: Tokens, labels: Labels) -> int:
        """Number of masked genes in the batch."""
        return 0 if tokens.target is None else int((tokens.target >= 0).sum())

    def loss(
        self, head: nn.Module, hidden: Float[Tensor, "cells length dim"], cells: Padded, labels: Labels
    ) -> Float[Tensor, ""]:
        """Sum of the cross-entropy over the masked genes of a chunk."""
        return masked_loss(head, hidden, cells)


def mask(tokens: Tokens, mask_id: int, generator: torch.Generator, rate: float = 0.15, keep: float = 0.1) -> Tokens:
    """Mask the bins of some expressed genes.

    Parameters
    ----------
    tokens
        Cells.
    mask_id
        The bin id of [MASK].
    generator
        Source of random numbers, on the CPU.
    rate
        Fraction of genes masked. The paper states none; 0.15, of which a tenth keeps its bin, is scBERT's.
    keep
        Fraction of those that keep their bin.

    Returns
    -------
    Tokens
        With `target` set; at least one gene is masked, if there is one.
    """
    n = len(tokens.bin)
    u = torch.rand(n, generator=generator).to(tokens.bin.device)
    masked = u < rate
    if n and not masked.any():
        masked = u == u.min()
    replaced = masked & (u >= rate * keep)
    target = torch.where(masked, tokens.bin, -1)
    return Tokens(tokens.gene, tokens.bin.masked_fill(replaced, mask_id), tokens.offsets, target)


def masked_loss(head: nn.Module, hidden: Float[Tensor, "cells length dim"], cells: Padded) -> Float[Tensor, ""]:
    """Sum of the cross-entropy over masked genes; to be divided by their number in the whole batch.

    Parameters
    ----------
    head
        The masked head.
    hidden
        Vectors of the tokens.
    cells
        Cells with `target`.

    Returns
    -------
    torch.Tensor
        A sum, float32 or float64.

    Raises
    ------
    ValueError
        If the cells were not masked.
    """
    if cells.target is None:
        msg = "The masked loss needs masked cells: scellm.train.mask(tokens, ...) before padding."
        raise ValueError(msg)
    masked = cells.target >= 0  # (b, n)
    dtype = next(head.parameters()).dtype
    with torch.autocast(hidden.device.type, enabled=False):  # few rows, and their number varies
        logits = head(hidden[masked].to(dtype))  # (masked, n_bins + 2)
        return cross_entropy(logits, cells.target[masked], reduction="sum")
