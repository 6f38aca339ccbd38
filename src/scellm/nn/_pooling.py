"""From the vectors of a cell's tokens to one vector of the cell (paper, appendix F "Pooling")."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from scellm.data._tokens import Padded
from scellm.nn._config import Config


class SparsePooling(nn.Module):
    r"""A scalar per token, put back at its gene in a row of all genes, then a linear layer; never building that row.

    The paper's convolution of width `dim` is one linear map from a token's vector to a scalar; unexpressed genes are 0. With
    :math:`s_g` the scalar of gene :math:`g` and :math:`A` the linear layer, the result is :math:`b + \sum_g s_g A_g`, a weighted
    sum of the rows of the expressed genes: time and memory grow with them, not with the vocabulary.

    Parameters
    ----------
    config
        The shape. [CLS] has a place of its own after the genes, as published.
    dim_out
        Length of the result; by default `config.dim`.
    """

    def __init__(self, config: Config, dim_out: int | None = None) -> None:
        super().__init__()
        self.scalar = nn.Linear(config.dim, 1)
        self.weight = nn.Parameter(torch.empty(config.n_genes + 1, dim_out or config.dim))
        self.bias = nn.Parameter(torch.zeros(dim_out or config.dim))
        nn.init.normal_(self.weight, std=(dim_out or config.dim) ** -0.5)

    def forward(self, hidden: Float[Tensor, "cells length dim"], cells: Padded) -> Float[Tensor, "cells dim_out"]:
        """One vector a cell."""
        with torch.autocast(hidden.device.type, enabled=False):  # a sum over a thousand genes wants all its bits
            scalar = self.scalar(hidden.to(self.weight.dtype)).squeeze(-1)  # (b, n)
        gene = cells.gene
        if cells.real is not None:
            # Padding has no row of its own: it weighs nothing in that of [CLS].
            scalar = scalar.masked_fill(~cells.real, 0.0)
            gene = gene.clamp(max=len(self.weight) - 1)
        return embedding_bag(gene, self.weight, per_sample_weights=scalar, mode="sum") + self.bias
