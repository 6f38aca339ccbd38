"""The encoder with its heads: tokens of any cells in, vectors and scores out."""

from __future__ import annotations

import torch
from jaxtyping import Float
from scvi.module.base import BaseModuleClass
from torch import Tensor, nn
from torch.nn.functional import normalize

from scellm.data._tokens import Padded, Tokens
from scellm.nn._config import Config
from scellm.nn._encoder import Encoder
from scellm.nn._expression_pooling import ExpressionPooling
from scellm.nn._heads import AnnotationHead, MaskedHead, OriginHead, Projector
from scellm.nn._mean_pooling import ClsPooling, MeanPooling
from scellm.nn._openbiomed import admit, append_padding
from scellm.nn._pooling import SparsePooling

POOLINGS: dict[str, type[nn.Module]] = {
    "sparse": SparsePooling, "expression": ExpressionPooling, "mean": MeanPooling, "cls": ClsPooling,
}  # fmt: skip
"""Poolings by name; each takes the tokens' vectors and the rectangle, and gives a vector a cell."""


class CellLMModule(BaseModuleClass):
    """Encoder, pooling and heads.

    Parameters
    ----------
    config
        The shape.
    n_types
        Number of cell types; 0 leaves the annotation head out.
    """

    def __init__(self, config: Config, n_types: int = 0) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        if config.pooling not in POOLINGS:
            msg = f"pooling={config.pooling!r} is not known; expected one of {list(POOLINGS)}."
            raise ValueError(msg)
        self.pooling = POOLINGS[config.pooling](config)
        self.masked_head, self.origin_head = MaskedHead(config), OriginHead(config)
        self.projector = Projector(config) if config.projector else nn.Identity()
        self.annotation_head = AnnotationHead(config, n_types) if n_types else None
        self._start_ordered()

    @torch.no_grad()
    def _start_ordered(self, step: float = 2.0) -> None:
        """Start the bins in order along one direction, and let pooling read that direction.

        A cell's first vector is then nearly a random projection of its binned expression, where it would else be one of which genes
        it expresses: measured on pbmc3k at random weights, macro-F1 of logistic regression .49 without and .60 with this
        (`benchmarks/first_vectors.py`).
        """
        direction = normalize(torch.randn(self.config.dim), dim=0)
        n = self.config.n_bins
        self.encoder.embedding.bin.weight[:n] += step * torch.arange(1, n + 1)[:, None] * direction
        if isinstance(self.pooling, SparsePooling):
            self.pooling.scalar.weight.copy_(direction[None])
            self.pooling.scalar.bias.zero_()

    def pad(self, tokens: Tokens) -> Padded:
        """Tokens as a rectangle with [CLS] first, on the module's device."""
        cells = tokens.pad(self.config.n_genes, self.config.n_bins).to(self.device)
        return append_padding(cells, self.config.n_genes, self.config.n_bins) if self.config.compat else cells

    def cells(self, tokens: Tokens, max_tokens: int = 8192) -> Float[Tensor, "cells cell_dim"]:
        """Vectors of cells, in the order of the tokens; computed in chunks of cells of similar length.

        Parameters
        ----------
        tokens
            Any cells.
        max_tokens
            Tokens a chunk may hold.

        Returns
        -------
        torch.Tensor
            float32. A cell's vector does not depend on the other cells.
        """
        if self.config.compat:
            known = ~self.encoder.embedding.gene.weight[: self.config.n_genes, 0].isnan()
            tokens = admit(tokens, known, self.config.compat_length)
        chunks = list(tokens.cut(max_tokens, self.encoder.max_padding))
        if not chunks:
            return torch.zeros(0, self.config.cell_dim, device=self.device)
        parts = [self.chunk(self.pad(tokens.select(chunk.to(tokens.gene.device)))) for chunk in chunks]
        back = torch.argsort(torch.cat(chunks)).to(self.device)
        return torch.cat(parts)[back]

    def contrasted(self, vectors: Float[Tensor, "cells cell_dim"]) -> Float[Tensor, "cells dim"]:
        """What the contrastive objective compares: the numbers that learn, through the projector if there is one."""
        with torch.autocast(vectors.device.type, enabled=False):  # the temperature would multiply what is rounded
            return self.projector(vectors[:, : self.config.dim])

    def type_scores(self, vectors: Float[Tensor, "cells cell_dim"]) -> Float[Tensor, "cells types"]:
        """Scores of the cell types; raises ValueError where the model knows none."""
        if self.annotation_head is None:
            msg = "The model knows no cell types: set up with labels_key=..., and make the model anew."
            raise ValueError(msg)
        return self.annotation_head(vectors)

    def chunk(self, cells: Padded) -> Float[Tensor, "cells cell_dim"]:
        """Vectors of the cells of one rectangle."""
        return self.pooling(self.encoder(cells), cells)
