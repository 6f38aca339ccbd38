"""One vector for each gene: what makes a token that gene's."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding

from scellm.nn._config import Config


class GeneTable(nn.Module):
    """Vectors of the genes, of [CLS] and of padding; learned with the model or fixed, and of any width.

    Parameters
    ----------
    config
        The shape. If `gene_dim` is not `dim`, a learned linear map brings the vectors to `dim` (paper, section 3.2, leaves the widths
        unsaid). If `train_genes` is false the table is a buffer: no optimiser sees it, whatever is told to learn.
    """

    weight: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.gene_dim or config.dim
        weight = torch.randn(config.n_genes + 2, width)
        if config.train_genes:
            self.weight = nn.Parameter(weight)
        else:
            self.register_buffer("weight", weight)
        self.project = nn.Linear(width, config.dim, bias=False) if width != config.dim else None
        if self.project is not None:
            nn.init.normal_(self.project.weight, std=width**-0.5)  # unit variance in, unit variance out

    def forward(self, gene: Int[Tensor, "cells length"]) -> Float[Tensor, "cells length dim"]:
        """Gene ids to vectors."""
        return self._to_dim(embedding(gene, self.weight))

    def vectors(self) -> Float[Tensor, "genes dim"]:
        """Of all genes, as tokens get them; [CLS] and padding are the last two rows."""
        return self._to_dim(self.weight)

    def _to_dim(self, x: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows dim"]:
        return x if self.project is None else self.project(x)
