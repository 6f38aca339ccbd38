"""The gene embedding table."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding


class GeneTable(nn.Module):
    """Embeddings of the genes, of [CLS] and of padding; trained with the model or fixed, of any width.

    Parameters
    ----------
    n_genes
        Size of the vocabulary.
    dim
        Width of a token.
    gene_dim
        Width of the table; by default `dim`. With another width, a learned linear map brings the embeddings to `dim`
        (the paper, section 3.2, does not state the widths).
    trainable
        If false, the table is a buffer, which no optimiser sees.
    """

    weight: Tensor

    def __init__(self, n_genes: int, dim: int, gene_dim: int | None = None, *, trainable: bool = True) -> None:
        super().__init__()
        width = gene_dim or dim
        weight = torch.randn(n_genes + 2, width)
        if trainable:
            self.weight = nn.Parameter(weight)
        else:
            self.register_buffer("weight", weight)
        self.project = nn.Linear(width, dim, bias=False) if width != dim else None
        if self.project is not None:
            nn.init.normal_(self.project.weight, std=width**-0.5)  # unit variance in, unit variance out

    def forward(self, gene: Int[Tensor, "cells length"]) -> Float[Tensor, "cells length dim"]:
        """Gene ids to vectors."""
        return self._to_dim(embedding(gene, self.weight))

    def vectors(self) -> Float[Tensor, "genes dim"]:
        """Embeddings of all genes, as tokens get them; [CLS] and padding are the last two rows."""
        return self._to_dim(self.weight)

    def _to_dim(self, x: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows dim"]:
        return x if self.project is None else self.project(x)

    @torch.no_grad()
    def load_vectors(self, ids: np.ndarray, values: np.ndarray, *, rescale: bool = True) -> None:
        """Write given embeddings into the rows of their genes.

        The other rows get random vectors of the same mean and variance. With zeros, or with one vector for all of them,
        the model could not distinguish these genes.

        Parameters
        ----------
        ids
            Positions in the vocabulary, int, (genes,).
        values
            Embeddings, float64, (genes, width).
        rescale
            Scale each column to mean 0 and variance 1, as bin embeddings are initialised, so that both parts of a token
            have the same size.

        Raises
        ------
        ValueError
            If the width does not match the table.
        """
        width = self.weight.shape[1]
        if values.shape[1] != width:
            msg = (
                f"gene_embeddings has {values.shape[1]} columns and gene_dim={width}. Leave gene_dim out: it is taken "
                "from the embeddings."
            )
            raise ValueError(msg)
        mean, sd = values.mean(0), values.std(0)
        if rescale:
            values, mean, sd = (values - mean) / np.where(sd > 0, sd, 1), np.zeros_like(mean), np.ones_like(sd)
        like = lambda x: torch.as_tensor(x, dtype=self.weight.dtype)
        self.weight.mul_(like(sd)).add_(like(mean))  # the rows were drawn from N(0, 1)
        self.weight[torch.from_numpy(np.array(ids, np.int64))] = like(values)  # a copy: an index of pandas is read-only
