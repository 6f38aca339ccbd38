"""The network of scBERT, made of the parts of this package's encoder."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from scellm._options import in_range
from scellm._tokens import Padded
from scellm.nn._config import Config
from scellm.nn._encoder import Encoder

BINS = 6
"""Bins of scBERT: the whole part of log2 of one plus counts per 10,000, from 0, not expressed, to 5."""

SHAPE = {"dim": 200, "depth": 6, "heads": 10, "dim_head": 64}
"""The published shape."""

_HIDDEN = (512, 128)


class ScBERTNetwork(nn.Module):
    """A Performer over all genes of a cell, expressed or not, and the head of scBERT.

    Yang et al. 2022, Nat Mach Intell 4:852, and the public code: six blocks of width 200 with ten heads of 64, no
    dropout, fixed gene vectors added to those of the bins; for each token a linear layer to one number and a ReLU, then
    a perceptron (512, 128) over all tokens. Where the public code appends a token of value 0, this one begins with
    [CLS].

    Parameters
    ----------
    n_genes, n_types
        Number of genes and of cell types.
    gene_dim
        Width of the gene vectors; another width than `dim` is brought to it by a fixed random map.
    **shape
        Other values of `dim`, `depth` (at least 2), `heads` and `dim_head`, for tests.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    def __init__(self, n_genes: int, n_types: int, gene_dim: int | None = None, **shape: int) -> None:
        super().__init__()
        known: dict[str, Any] = {**SHAPE, **shape}
        in_range("depth", known["depth"], 2, whole=True)
        config = Config(n_genes, BINS, dropout=0.0, gene_dim=gene_dim, train_genes=False, pooling="cls", **known)
        self.encoder = Encoder(config)
        self.scalar = nn.Linear(config.dim, 1)
        widths = (n_genes + 1, *_HIDDEN)
        layers = [part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())]
        self.head = nn.Sequential(*layers, nn.Linear(_HIDDEN[-1], n_types))

    def trained(self) -> list[nn.Module]:
        """The parts that fine-tuning trains: the last but one block, the last LayerNorm, and the head, as published."""
        return [self.encoder.blocks[-2], self.encoder.norm, self.scalar, self.head]

    @torch.no_grad()
    def fixed(self, bins: Int[Tensor, "cells genes"]) -> Float[Tensor, "cells tokens dim"]:
        """Tokens after the blocks that fine-tuning never changes, so they can be computed once.

        Parameters
        ----------
        bins
            Bin of every gene, int64.

        Returns
        -------
        torch.Tensor
            One token more than genes: [CLS], then the genes.
        """
        b, n = len(bins), bins.shape[1] + 1
        config = self.encoder.config
        gene = torch.arange(-1, n - 1, device=bins.device).repeat(b, 1)  # (b, n)
        gene[:, 0] = config.n_genes
        cells = Padded(gene, nn.functional.pad(bins, (1, 0), value=config.n_bins), None)
        x = self.encoder.through(cells, self.encoder.blocks[:-2])  # (rows, d)
        return x[: b * n].view(b, n, -1)

    def forward(self, tokens: Float[Tensor, "cells tokens dim"]) -> Float[Tensor, "cells types"]:
        """Logits of the types, from what :meth:`fixed` returns."""
        b, n, _ = tokens.shape
        no_ids = torch.zeros(b, n, dtype=torch.int64, device=tokens.device)  # the blocks read their shape alone
        x = tokens.reshape(b * n, -1)  # (b * n, d)
        for block in self.encoder.blocks[-2:]:
            x = block(x, Padded(no_ids, no_ids, None))  # (b * n, d)
        scalar = self.scalar(self.encoder.norm(x)).relu().view(b, n)  # (b, n)
        return self.head(scalar)
