"""The pooling of the paper: a scalar per token, written to the position of its gene, then a linear layer."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from scellm._tokens import Padded
from scellm.nn._pooling import Pooling


class SparsePooling(Pooling):
    r"""A scalar per token, written to the position of its gene in a row of all genes, then a linear layer.

    The paper's convolution of width `dim` is one linear map from a token to a scalar; unexpressed genes are 0. The row
    of all genes is never built: with :math:`s_g` the scalar of gene :math:`g` and :math:`A` the linear layer, the
    result is
    :math:`b + \sum_g s_g A_g`, a weighted sum of the rows of the expressed genes. Time and memory grow with these, not
    with the vocabulary. [CLS] has a row of its own after the genes, as published.

    Parameters
    ----------
    n_genes, n_bins, dim, hashed_dim
        As in :class:`Pooling`; there are no hashed features.
    """

    def __init__(self, n_genes: int, n_bins: int, dim: int, hashed_dim: int = 0) -> None:
        super().__init__(n_genes, n_bins, dim, hashed_dim)
        self.scalar = nn.Linear(dim, 1)
        self.weight = nn.Parameter(torch.empty(n_genes + 1, dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        nn.init.normal_(self.weight, std=dim**-0.5)

    def forward(self, hidden: Float[Tensor, "cells length dim"], cells: Padded) -> Float[Tensor, "cells dim"]:
        """One embedding per cell."""
        with torch.autocast(hidden.device.type, enabled=False):  # a sum over a thousand genes needs full precision
            scalar = self.scalar(hidden.to(self.weight.dtype)).squeeze(-1)  # (b, n)
        gene = cells.gene
        if cells.presence is not None:
            scalar = scalar * cells.presence
        if cells.real is not None:
            # Padding has no row of its own: it has weight 0 in that of [CLS].
            scalar = scalar.masked_fill(~cells.real, 0.0)
            gene = gene.clamp(max=len(self.weight) - 1)
        return embedding_bag(gene, self.weight, per_sample_weights=scalar, mode="sum") + self.bias

    @property
    def gene_vectors(self) -> Float[Tensor, "genes dim"]:
        """The vectors of the genes, without that of [CLS]."""
        return self.weight[:-1]

    @torch.no_grad()
    def transform(self, matrix: Float[Tensor, "dim dim"]) -> None:
        """Multiply every embedding by a matrix."""
        matrix = matrix.to(self.weight)
        self.weight.copy_(self.weight @ matrix)
        self.bias.copy_(self.bias @ matrix)

    @torch.no_grad()
    def read_direction(self, direction: Float[Tensor, " dim"]) -> None:
        """Initialise the scalar to the component along `direction`."""
        self.scalar.weight.copy_(direction[None])
        self.scalar.bias.zero_()
