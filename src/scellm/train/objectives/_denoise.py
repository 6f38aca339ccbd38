"""The denoising objective: predict one half of a cell's molecules from the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from scellm._keys import SOURCE_KEY
from scellm._tokens import Tokens
from scellm.module import CellLMModule
from scellm.nn import Config, ProfileHead
from scellm.train.objectives._base import CellObjective

_PRIOR = 1e4  # molecules that the background counts for in the mean profile of a source


class Denoise(CellObjective):
    """Predict the molecules of the second half of a cell from the embedding of the first (count splitting).

    The two halves share no molecule, so the loss on cells never seen is an honest measure of what an embedding knows
    about a cell, in nats a molecule. What is predicted is how a cell differs from the mean profile of the cells of its
    source in the batch, so that nothing rewards telling studies apart.
    """

    name = "denoise"
    view = "split"

    def __init__(self) -> None:
        self._first: Tokens | None = None
        self._source = torch.zeros(0, dtype=torch.long)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Reads no option."""
        return cls()

    @staticmethod
    def make_head(config: Config) -> nn.Module:
        """A square layer and the mean profile; it shares the gene vectors of the pooling."""
        return ProfileHead(config.dim, config.n_genes)

    def unavailable(self, module: CellLMModule) -> str | None:
        """It needs a pooling with gene vectors."""
        if module.cell_encoder.pooling.gene_vectors is None:
            return f"pooling={module.config.pooling!r} has no gene vectors to predict genes with"
        return None

    def initialize(self, module: CellLMModule, tokens: Tokens) -> None:
        """Set the mean profile, for which squared bins stand."""
        background = cast("ProfileHead", module.heads[self.name]).background
        weight = (tokens.bin.double() + 1) ** 2
        total = torch.ones(len(background), dtype=torch.float64).index_add_(0, tokens.gene, weight)  # (genes,)
        background.copy_((total / total.sum()).log())

    def before_step(self, first: Tokens, groups: Mapping[str, Tensor]) -> None:
        """Keep the first views, whose mean profiles are those of the sources."""
        self._first = first
        source = groups.get(SOURCE_KEY, torch.zeros(first.n_cells, dtype=torch.long))
        self._source = source.unique(return_inverse=True)[1]

    def count(self, target: Tokens) -> int:
        """Number of cells with a molecule in the second half."""
        return int((target.lengths > 0).sum())

    def loss(
        self,
        module: CellLMModule,
        embeddings: Float[Tensor, "cells dim"],
        target: Tokens,
        cells: Int[Tensor, " cells"],
    ) -> Float[Tensor, ""]:
        """Sum of the cells' losses."""
        if self._first is None:
            msg = "Denoise.loss needs the first views: call before_step first."
            raise RuntimeError(msg)
        head, vectors = cast("ProfileHead", module.heads[self.name]), module.cell_encoder.pooling.gene_vectors
        device = embeddings.device
        with torch.autocast(device.type, enabled=False):
            means = source_profiles(self._first.to(device), self._source.to(device), head.background)
            mean = means[self._source[cells.cpu()].to(device)]  # (cells, genes)
            return profile_loss(mean + head(embeddings, vectors), target).sum()


def source_profiles(
    first: Tokens, source: Int[Tensor, " cells"], background: Float[Tensor, " genes"]
) -> Float[Tensor, "sources genes"]:
    """Log of the mean profile of the cells of each source, shrunk towards a background.

    Parameters
    ----------
    first
        Cells, whose counts are `first.target`.
    source
        Number of each cell's source, from 0.
    background
        Log of a profile, which counts as much as 10,000 molecules.

    Returns
    -------
    torch.Tensor
        Each row is the log of a profile that sums to 1.
    """
    if first.target is None:
        msg = "source_profiles needs cells with counts: Tokens(gene, bin, offsets, target=counts)."
        raise ValueError(msg)
    n, genes = int(source.max()) + 1, len(background)
    of = torch.repeat_interleave(source, first.lengths)  # (tokens,)
    total = (_PRIOR * background.exp()).repeat(n)  # (sources * genes,)
    total = total.index_add(0, of * genes + first.gene, first.target.to(total.dtype)).view(n, genes)
    return (total / total.sum(1, keepdim=True)).log()


def profile_loss(logits: Float[Tensor, "cells genes"], target: Tokens) -> Float[Tensor, " cells"]:
    r"""Nats a molecule: :math:`-\sum_g c_g \log p_g / \sum_g c_g`, with :math:`p` the softmax of the logits.

    The sum over all genes in the softmax makes this the one objective whose cost grows with the vocabulary; it is paid
    in pretraining only, for the cells of one chunk at a time.

    Parameters
    ----------
    logits
        Of every gene.
    target
        Cells, whose counts are `target.target`.

    Returns
    -------
    torch.Tensor
        0 for a cell without molecules.
    """
    if target.target is None:
        msg = "profile_loss needs cells with counts: Tokens(gene, bin, offsets, target=counts)."
        raise ValueError(msg)
    cell = torch.repeat_interleave(torch.arange(target.n_cells, device=logits.device), target.lengths)  # (tokens,)
    count = target.target.to(logits.dtype)
    total = logits.new_zeros(target.n_cells).index_add_(0, cell, count)
    log_p = logits[cell, target.gene] - logits.logsumexp(1)[cell]  # (tokens,)
    nats = logits.new_zeros(target.n_cells).index_add_(0, cell, -log_p * count)
    return nats / total.clamp(min=1)
