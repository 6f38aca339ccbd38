"""The masked objective: tell a gene's bin from the rest of the cell (paper, section 3.3)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy

from scellm.data._tokens import Padded, Tokens
from scellm.nn._module import CellLMModule


def mask(tokens: Tokens, mask_id: int, generator: torch.Generator, rate: float = 0.15, keep: float = 0.1) -> Tokens:
    """Hide the bins of some expressed genes.

    Parameters
    ----------
    tokens
        Cells.
    mask_id
        The bin that stands for [MASK].
    generator
        Of the draw, on the CPU.
    rate
        Share of genes to be told. The paper states none; 0.15, of which a tenth keeps its bin, is scBERT's.
    keep
        Share of those that keep their bin.

    Returns
    -------
    Tokens
        With `target` set; at least one gene is asked for, if there is one.
    """
    n = len(tokens.bin)
    u = torch.rand(n, generator=generator).to(tokens.bin.device)
    hidden = u < rate
    if n and not hidden.any():
        hidden = u == u.min()
    replaced = hidden & (u >= rate * keep)
    target = torch.where(hidden, tokens.bin, -1)
    return Tokens(tokens.gene, tokens.bin.masked_fill(replaced, mask_id), tokens.offsets, target)


def masked_loss(module: CellLMModule, hidden: Float[Tensor, "cells length dim"], cells: Padded) -> Float[Tensor, ""]:
    """Sum of the cross-entropy over the genes asked for; to be divided by their number in the whole batch.

    Parameters
    ----------
    module
        Whose masked head is used.
    hidden
        Vectors of the tokens.
    cells
        Cells with `target`.

    Returns
    -------
    torch.Tensor
        A sum, float32 or float64.
    """
    if cells.target is None:
        msg = "The masked loss needs cells that were masked: scellm.train.mask(tokens, ...) before padding."
        raise ValueError(msg)
    asked = cells.target >= 0  # (b, n)
    with torch.autocast(hidden.device.type, enabled=False):  # few rows, of another number each time
        scores = module.masked_head(hidden[asked].to(module.masked_head.weight.dtype))  # (asked, n_bins + 2)
        return cross_entropy(scores, cells.target[asked], reduction="sum")
