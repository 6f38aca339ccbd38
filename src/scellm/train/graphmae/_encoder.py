"""Layers of graph attention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from scellm.train.graphmae._backend import GraphAttentionLayer


class GraphEncoder(nn.Module):
    """Graph attention layers, each with dropout before and a PReLU after it.

    Parameters
    ----------
    layers
        The layers.
    feature_dropout
        Probability of dropout before each layer.
    """

    def __init__(self, layers: Iterable[GraphAttentionLayer], feature_dropout: float = 0.0) -> None:
        super().__init__()
        made = nn.ModuleList(layers)
        activations = nn.ModuleList(nn.PReLU() for _ in made)
        # A ModuleList is a sequence to us.
        self.layers: Sequence[GraphAttentionLayer] = made  # type: ignore[assignment]
        self.activations: Sequence[nn.PReLU] = activations  # type: ignore[assignment]
        self.feature_dropout = feature_dropout

    def forward(self, x: Tensor, graph: Any) -> Tensor:
        """Features (n, f) to embeddings (n, dim)."""
        for attention, activation in zip(self.layers, self.activations, strict=True):
            x = dropout(x, self.feature_dropout, training=self.training)
            x = activation(attention(x, graph))  # (n, width)
        return x

    def reset_parameters(self, generator: torch.Generator) -> None:
        """Draw new weights for every layer."""
        for attention, activation in zip(self.layers, self.activations, strict=True):
            attention.reset_parameters(generator)
            nn.init.constant_(activation.weight, 0.25)
