"""GraphMAE: tell the hidden features of a gene from its neighbours (Hou et al. 2022, section 3)."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from scellm.train.graphmae._backend import load_backend, start
from scellm.train.graphmae._features import GivenFeatures, LearnedTable
from scellm.train.graphmae._masking import Masking
from scellm.train.graphmae._recipe import GraphMAERecipe


def scaled_cosine_error(cosine: Tensor, gamma: float) -> Tensor:
    r"""Mean of :math:`(1 - \cos)^\gamma` (section 3.2, equation 2); a cosine rounded above 1 counts as 1."""
    return (1 - cosine).clamp_min(0).pow(gamma).mean()


class GraphMAE(nn.Module):
    """Graph attention over the network, and a decoder that is thrown away after learning.

    Parameters
    ----------
    features
        What genes start from and what is told.
    recipe
        The shape.
    backend
        A key of `BACKENDS`. The parameters have the same shapes and start for all.
    """

    def __init__(self, features: GivenFeatures | LearnedTable, recipe: GraphMAERecipe, backend: str = "pyg") -> None:
        super().__init__()
        layer = load_backend(backend).GraphAttention
        widths = [features.width, *[recipe.width] * (recipe.layers - 1), recipe.dim]
        shapes = itertools.pairwise(widths)
        self.features, self.recipe = features, recipe
        self.bridge = nn.Linear(recipe.dim, recipe.dim, bias=False)
        generator = torch.Generator().manual_seed(int(torch.randint(2**31, ())))  # drawn before a library draws its own
        self.layers = nn.ModuleList(
            layer(a, b // recipe.heads, recipe.heads, recipe.attention_dropout) for a, b in shapes
        )
        self.activations = nn.ModuleList(nn.PReLU() for _ in self.layers)
        self.decoder = layer(recipe.dim, features.width, 1, recipe.attention_dropout)
        self.token = nn.Parameter(torch.zeros(features.width))
        for attention in (*self.layers, self.decoder):
            start(attention, generator)

    def encode(self, x: Tensor, graph: Any) -> Tensor:
        """Features (n, f) to vectors (n, dim)."""
        for attention, activation in zip(self.layers, self.activations, strict=True):
            x = dropout(x, self.recipe.feature_dropout, training=self.training)
            x = activation(attention(x, graph))
        return x

    def loss(self, masking: Masking, graph: Any, whole: Any) -> Tensor:
        """Scaled cosine error over the hidden genes.

        Parameters
        ----------
        masking
            Which genes are hidden.
        graph, whole
            The encoder's graph, which may lack edges, and the decoder's.

        Returns
        -------
        torch.Tensor
            A scalar.
        """
        rows = masking.rows
        x = masking.hide(self.features(), self.token)  # (n, f)
        latent = self.bridge(self.encode(x, graph))  # (n, dim)
        latent = latent.index_fill(
            0, rows, 0.0
        )  # hidden again, so that the decoder must look at neighbours (section 3.2)
        latent = dropout(latent, self.recipe.feature_dropout, training=self.training)
        told = self.decoder(latent, whole)  # (n, f)
        return scaled_cosine_error(self.features.cosine(told[rows], rows), self.recipe.gamma)

    @torch.no_grad()
    def vectors(self, graph: Any) -> Tensor:
        """Vectors of all genes with nothing hidden, (n, dim)."""
        self.eval()
        return self.encode(self.features(), graph)
