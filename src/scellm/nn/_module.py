"""The encoder with its heads: tokens of any cells in, vectors and scores out."""

from __future__ import annotations

import torch
from jaxtyping import Float
from scvi.module.base import BaseModuleClass
from torch import Tensor

from scellm.data._tokens import Padded, Tokens
from scellm.nn._config import Config
from scellm.nn._encoder import Encoder
from scellm.nn._heads import AnnotationHead, MaskedHead, OriginHead
from scellm.nn._pooling import SparsePooling


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
        self.pooling = SparsePooling(config)
        self.masked_head, self.origin_head = MaskedHead(config), OriginHead(config)
        self.annotation_head = AnnotationHead(config, n_types) if n_types else None

    def pad(self, tokens: Tokens) -> Padded:
        """Tokens as a rectangle with [CLS] first, on the module's device."""
        return tokens.pad(self.config.n_genes, self.config.n_bins).to(self.device)

    def cells(self, tokens: Tokens, max_tokens: int = 8192) -> Float[Tensor, "cells dim"]:
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
        chunks = list(tokens.cut(max_tokens, self.encoder.max_padding))
        if not chunks:
            return torch.zeros(0, self.config.dim, device=self.device)
        parts = [self.chunk(self.pad(tokens.select(chunk.to(tokens.gene.device)))) for chunk in chunks]
        back = torch.argsort(torch.cat(chunks)).to(self.device)
        return torch.cat(parts)[back]

    def chunk(self, cells: Padded) -> Float[Tensor, "cells dim"]:
        """Vectors of the cells of one rectangle."""
        return self.pooling(self.encoder(cells), cells)
