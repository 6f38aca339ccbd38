"""Poolings without parameters: the mean over a cell's genes, or [CLS]."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from scellm._tokens import Padded
from scellm.nn._pooling import Pooling


class MeanPooling(Pooling):
    """Mean of the vectors of a cell's genes, without [CLS] and padding; [CLS] if a cell has no gene.

    Parameters
    ----------
    n_genes, n_bins, dim, hashed_dim
        As in :class:`Pooling`.
    """

    def __init__(self, n_genes: int, n_bins: int, dim: int, hashed_dim: int = 0) -> None:
        super().__init__(n_genes, n_bins, dim, hashed_dim)
        self.n_genes = n_genes

    def forward(self, hidden: Float[Tensor, "cells length dim"], cells: Padded) -> Float[Tensor, "cells dim"]:
        """One embedding per cell."""
        weight = (cells.gene < self.n_genes).to(torch.promote_types(hidden.dtype, torch.float32))  # (b, n)
        empty = weight.sum(1) == 0
        weight[:, 0] = torch.where(empty, 1.0, weight[:, 0])
        weight = weight / weight.sum(1, keepdim=True)
        weight = weight if cells.presence is None else weight * cells.presence
        with torch.autocast(hidden.device.type, enabled=False):  # a sum over a thousand genes needs full precision
            return torch.einsum("bn,bnd->bd", weight, hidden.to(weight.dtype))


class ClsPooling(Pooling):
    """The vector of [CLS].

    Parameters
    ----------
    n_genes, n_bins, dim, hashed_dim
        As in :class:`Pooling`.
    """

    def __init__(self, n_genes: int, n_bins: int, dim: int, hashed_dim: int = 0) -> None:
        super().__init__(n_genes, n_bins, dim, hashed_dim)

    def forward(self, hidden: Float[Tensor, "cells length dim"], cells: Padded) -> Float[Tensor, "cells dim"]:
        """One embedding per cell."""
        return hidden[:, 0].to(torch.promote_types(hidden.dtype, torch.float32))
