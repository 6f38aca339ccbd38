"""The module of CellLM: the cell encoder and its prediction heads."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from scvi.module.base import BaseModuleClass
from torch import Tensor, nn

from scellm._tokens import Padded, Tokens
from scellm.module._cell_encoder import CellEncoder
from scellm.nn import AnnotationHead, Config, LinearHead, ProjectionHead

MakeHead = Callable[[Config], nn.Module]


class CellLMModule(BaseModuleClass):
    """Cell encoder, heads of the pretraining objectives, projection head and annotation head.

    Parameters
    ----------
    config
        The shape.
    n_types
        Number of cell types; 0 for no annotation head.
    heads
        Functions that make the heads of the pretraining objectives, by name.
    """

    def __init__(self, config: Config, n_types: int = 0, heads: Mapping[str, MakeHead] | None = None) -> None:
        super().__init__()
        self.config = config
        self.cell_encoder = CellEncoder(config)
        self.heads = nn.ModuleDict({name: make(config) for name, make in (heads or {}).items()})
        self.projector = ProjectionHead(config.dim, config.projector) if config.projector else nn.Identity()
        if n_types:
            AnnotationHead(config.cell_dim, n_types)  # a seed then gives the same encoder as in earlier versions
        self.annotation_head: nn.Module | None = LinearHead(config.cell_dim, n_types) if n_types else None
        self.cell_encoder.initialize_bins()  # last, so that a seed gives the same weights as in earlier versions

    def forward(self, cells: Padded) -> Float[Tensor, "cells cell_dim"]:
        """Embeddings of the cells of one rectangle."""
        return self.cell_encoder(cells)

    def embed(self, tokens: Tokens, max_tokens: int = 8192) -> Float[Tensor, "cells cell_dim"]:
        """Embeddings of any cells; see :meth:`CellEncoder.embed`."""
        return self.cell_encoder.embed(tokens, max_tokens)

    def project(self, embeddings: Float[Tensor, "cells cell_dim"]) -> Float[Tensor, "cells dim"]:
        """Input of the contrastive objective: the learned dimensions, through the projection head if there is one."""
        with torch.autocast(embeddings.device.type, enabled=False):  # the temperature would amplify rounding errors
            return self.projector(embeddings[:, : self.config.dim])

    def type_logits(self, embeddings: Float[Tensor, "cells cell_dim"]) -> Float[Tensor, "cells types"]:
        """Logits of the cell types; raises ValueError if the model has no annotation head."""
        if self.annotation_head is None:
            msg = "The model knows no cell types: set up with labels_key=..., and make a new model."
            raise ValueError(msg)
        dtype = next(self.annotation_head.parameters()).dtype  # heads are made in float32, also for a model in float64
        return self.annotation_head(embeddings.to(dtype))
