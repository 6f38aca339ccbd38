"""The contrastive loss without the matrix of all pairs."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

_TILE_BYTES = 1 << 26  # one tile of logits; about four such arrays live at once


def tiled_contrastive_loss(
    first: Float[Tensor, "cells dim"],
    second: Float[Tensor, "cells dim"],
    temperature: float = 0.05,
    *,
    symmetric: bool = False,
    positives: Int[Tensor, " cells"] | None = None,
    candidates: Int[Tensor, " cells"] | None = None,
    tile: int | None = None,
) -> Float[Tensor, ""]:
    r"""The loss of :func:`scellm.train.contrastive_loss`, and its gradient, from a few rows of logits at a time.

    The gradient of a row's loss by its logits is :math:`(p - w) / T`, with :math:`p` the softmax over the candidates
    and :math:`w` the weights of the positives. A tile of rows is computed, its gradient is added, and it is dropped:
    memory grows with the number of cells, not with its square. For 65,536 cells the matrix would take 16 GiB.

    Parameters
    ----------
    first, second, temperature, symmetric
        As in :func:`scellm.train.contrastive_loss`.
    positives
        Group of each cell; cells of one group are positives of each other. By default a cell's only positive is itself.
    candidates
        Group of each cell; only cells of the same group stand in its denominator. By default all do. Positives must be
        candidates; that is not checked.
    tile
        Rows computed at once; by default as many as fit in 64 MiB.

    Returns
    -------
    torch.Tensor
        Mean over the cells, float32 or float64. It can be differentiated once.
    """
    a, b = normalize(first, dim=1), normalize(second, dim=1)
    tile = tile or max(_TILE_BYTES // (len(a) * a.element_size()), 1)
    loss = _Rows.apply(a, b, temperature, positives, candidates, tile)
    return (loss + _Rows.apply(b, a, temperature, positives, candidates, tile)) / 2 if symmetric else loss


class _Rows(torch.autograd.Function):
    """Mean over rows of the cross-entropy of `a @ b.T`; the gradient is computed with the value."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        a, b, temperature, positives, candidates, tile = given
        n = len(a)
        grad_a, grad_b = torch.empty_like(a), torch.zeros_like(b)
        total = a.new_zeros(())
        for rows in torch.arange(n, device=a.device).split(tile):
            logits = a[rows] @ b.T / temperature  # (tile, T)
            weight = _weights(rows, n, positives).to(a.dtype)  # (tile, T)
            total += -(logits * weight).sum()
            if candidates is not None:
                logits.masked_fill_(candidates[rows, None] != candidates[None], float("-inf"))
            total_of_row = logits.logsumexp(1, keepdim=True)  # (tile, 1)
            total += total_of_row.sum()
            slope = logits.sub_(total_of_row).exp_().sub_(weight).div_(n * temperature)  # (tile, T)
            grad_a[rows] = slope @ b
            grad_b.addmm_(slope.T, a[rows])
        ctx.save_for_backward(grad_a, grad_b)
        return total / n

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad_a, grad_b = ctx.saved_tensors
        return grads[0] * grad_a, grads[0] * grad_b, None, None, None, None


def _weights(rows: Int[Tensor, " tile"], n: int, positives: Int[Tensor, " cells"] | None) -> Tensor:
    """Share of each positive of some cells; sums to 1 over a row."""
    if positives is None:
        return rows[:, None] == torch.arange(n, device=rows.device)[None]
    same = positives[rows, None] == positives[None]
    return same / same.sum(1, keepdim=True)
