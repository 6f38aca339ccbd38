"""Make a GraphMAE from a configuration."""

from __future__ import annotations

import itertools

import torch
from torch import nn

from scellm.train.graphmae._backend import load_backend
from scellm.train.graphmae._config import GraphMAEConfig
from scellm.train.graphmae._encoder import GraphEncoder
from scellm.train.graphmae._features import GivenFeatures, LearnedTable
from scellm.train.graphmae._module import GraphMAE


def make_graphmae(features: GivenFeatures | LearnedTable, config: GraphMAEConfig, backend: str = "pyg") -> GraphMAE:
    """Make the encoder, the decoder and the linear map between them.

    Parameters
    ----------
    features
        Initial features of the genes.
    config
        The shape.
    backend
        A key of `BACKENDS`. The parameters have the same shapes and initial values for all.

    Returns
    -------
    GraphMAE
        With random weights.
    """
    layer = load_backend(backend).GraphAttention
    widths = [features.width, *[config.width] * (config.layers - 1), config.dim]
    bridge = nn.Linear(config.dim, config.dim, bias=False)
    generator = torch.Generator().manual_seed(int(torch.randint(2**31, ())))  # drawn before a library draws its own
    layers = [
        layer(a, b // config.heads, config.heads, config.attention_dropout) for a, b in itertools.pairwise(widths)
    ]
    encoder = GraphEncoder(layers, config.feature_dropout)
    decoder = layer(config.dim, features.width, 1, config.attention_dropout)
    drop = config.feature_dropout
    model = GraphMAE(features, encoder, decoder, bridge, gamma=config.gamma, feature_dropout=drop)
    model.reset_parameters(generator)
    return model
