"""Multi-head self-attention within each cell, with any kernel."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

from scellm._tokens import Padded
from scellm.nn._favor import Favor, orthogonal_projection
from scellm.nn._kernel import AttentionKernel
from scellm.nn._performer import PerformerPytorch
from scellm.nn._softmax import Softmax

ATTENTIONS: dict[str, type[AttentionKernel]] = {
    "favor": Favor,
    "softmax": Softmax,
    "performer-pytorch": PerformerPytorch,
}
"""Attention kernels by name. To add one, write a file with an :class:`AttentionKernel` and list it here."""


class Attention(nn.Module):
    """Multi-head self-attention within each cell; every kernel has the same parameters.

    Parameters
    ----------
    dim
        Width of a token.
    heads, dim_head
        Attention heads and their width. Queries, keys and values have no bias, the output has one, as published.
    features
        Number of random features.
    kernel
        Function from queries, keys and values to one vector per token and head.
    """

    projection: Float[Tensor, "features dim_head"]

    def __init__(self, dim: int, heads: int, dim_head: int, features: int, kernel: AttentionKernel) -> None:
        super().__init__()
        inner = heads * dim_head
        self.heads = heads
        self.to_qkv = nn.Linear(dim, 3 * inner, bias=False)
        self.to_out = nn.Linear(inner, dim)
        self.kernel = kernel
        self.register_buffer("projection", orthogonal_projection(features, dim_head))

    def forward(self, x: Float[Tensor, "rows dim"], cells: Padded) -> Float[Tensor, "rows dim"]:
        """Attend within each cell.

        Parameters
        ----------
        x
            The tokens of the rectangle, one cell after another; rows after them are ignored.
        cells
            The rectangle.

        Returns
        -------
        torch.Tensor
            The same number of rows.
        """
        b, n = cells.gene.shape
        q, k, v = self._heads_of(x, cells)  # each (b, h, n, dim_head)
        out = self.kernel(q, k, v, cells.real, self.projection)  # (b, h, n, dim_head)
        out = out.transpose(1, 2).reshape(b * n, -1)  # (b * n, h * dim_head)
        return self.to_out(pad(out, (0, 0, 0, len(x) - len(out))))

    def _heads_of(
        self, x: Float[Tensor, "rows dim"], cells: Padded
    ) -> Float[Tensor, "three cells heads length dim_head"]:
        """Queries, keys and values."""
        b, n = cells.gene.shape
        qkv = self.to_qkv(x)[: b * n].view(b, n, 3, self.heads, -1)
        return qkv.permute(2, 0, 3, 1, 4)

    @torch.no_grad()
    def of_first(self, x: Float[Tensor, "rows dim"], cells: Padded) -> Float[Tensor, "cells heads length"]:
        r"""Weights with which the first token of each cell, [CLS], attends to its tokens.

        A kernel's result for a token is a weighted sum of the values, :math:`o_i = \sum_j a_{ij} v_j`, so the
        derivative of one of its dimensions by the same dimension of :math:`v_j` is :math:`a_{ij}`. These are the
        weights that the kernel really used, whichever it is, for the price of one more pass: the row, not the square,
        of attention.

        Parameters
        ----------
        x, cells
            As for :meth:`forward`.

        Returns
        -------
        torch.Tensor
            The weights, which sum to 1 over the tokens of a cell, padding 0.
        """
        q, k, v = self._heads_of(x, cells)  # each (b, h, n, dim_head)
        with torch.enable_grad():
            v = v.detach().clone().requires_grad_()
            out = self.kernel(q.detach(), k.detach(), v, cells.real, self.projection)  # (b, h, n, dim_head)
            (slope,) = torch.autograd.grad(out[:, :, 0, 0].sum(), v)  # (b, h, n, dim_head)
        return slope[..., 0]

    @torch.no_grad()
    def redraw(self, generator: torch.Generator) -> None:
        """Draw a new projection."""
        new = orthogonal_projection(self.projection.shape[0], self.projection.shape[1], generator)
        self.projection.copy_(new)
