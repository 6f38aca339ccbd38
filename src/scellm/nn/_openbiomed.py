"""The published encoder as its code runs it, for imported weights only: padding to 6,000 takes part in attention.

In OpenBioMed every cell is padded to 6,000 tokens. Padding has no values, but it remains in the denominator, and the
stabiliser of the keys is the maximum over the whole batch. All padding of a cell is the same token in every layer. One
padding token, counted as often as padding occurs, therefore gives the same result at the cost of the real genes.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from scellm._tokens import Padded, Tokens
from scellm.nn._favor_kernel import EPS, half_norm
from scellm.nn._kernel import AttentionKernel


class OpenBioMedFavor(AttentionKernel):
    """FAVOR+ within each cell, whose last token represents all of its padding.

    The published stabiliser is over the whole batch. Here it is over one cell, so that a cell's result depends on that
    cell alone. Use it without dropout, which would make the padding tokens differ.

    Parameters
    ----------
    length
        Length that the published code pads to, [CLS] included.
    """

    max_padding = 0.0

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length

    def forward(
        self,
        q: Float[Tensor, "cells heads length dim_head"],
        k: Float[Tensor, "cells heads length dim_head"],
        v: Float[Tensor, "cells heads length dim_head"],
        real: Bool[Tensor, "cells length"] | None,
        projection: Float[Tensor, "features dim_head"],
    ) -> Float[Tensor, "cells heads length dim_head"]:
        """Attend within each cell; `real` is `None`, as all cells of a chunk have one length."""
        w = (projection * q.shape[-1] ** -0.25).to(q.dtype)  # (m, d)
        fq, fk = q @ w.T, k @ w.T  # (b, h, n, m)
        fq = (fq - half_norm(q) - fq.amax(-1, keepdim=True)).exp() + EPS
        fk = (fk - half_norm(k) - fk.amax((1, 2, 3), keepdim=True)).exp() + EPS
        times = q.new_ones(q.shape[2])  # (n,)
        times[-1] = self.length - (q.shape[2] - 1)
        denominator = fq @ (fk * times[:, None]).sum(2)[..., None]  # (b, h, n, 1)
        return fq @ (fk[:, :, :-1].mT @ v[:, :, :-1]) / denominator


def admit(tokens: Tokens, known: Bool[Tensor, " genes"], length: int) -> Tokens:
    """Keep the tokens that the published encoder would see: known genes, by gene id, at most `length - 1` per cell.

    Parameters
    ----------
    tokens
        Cells.
    known
        Whether a gene of the vocabulary has an embedding.
    length
        Length that the published code cuts to, [CLS] included.

    Returns
    -------
    Tokens
        The same cells. (Indexing is as in `Tokens.positions` and `Corpus.counts`.)
    """
    cell = torch.repeat_interleave(torch.arange(tokens.n_cells, device=tokens.gene.device), tokens.lengths)
    at = torch.nonzero(known.to(tokens.gene.device)[tokens.gene]).flatten()
    at = at[torch.argsort(cell[at] * len(known) + tokens.gene[at])]
    n = torch.bincount(cell[at], minlength=tokens.n_cells)
    position = torch.arange(len(at), device=at.device) - torch.repeat_interleave(n.cumsum(0) - n, n)
    at = at[position < length - 1]
    offsets = torch.cat([n.new_zeros(1), n.clamp_max(length - 1).cumsum(0)])
    return Tokens(tokens.gene[at], tokens.bin[at], offsets, None if tokens.target is None else tokens.target[at])


def append_padding(cells: Padded, n_genes: int, n_bins: int) -> Padded:
    """Add one column of padding, which counts as real."""
    last = lambda x, value: torch.cat([x, x.new_full((len(x), 1), value)], 1)
    target = None if cells.target is None else last(cells.target, -1)
    return Padded(last(cells.gene, n_genes + 1), last(cells.bin, n_bins + 1), cells.real, target)
