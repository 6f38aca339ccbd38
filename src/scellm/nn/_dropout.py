"""Dropout that is fast on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def dropout(x: Float[Tensor, "..."], p: float, *, training: bool) -> Float[Tensor, "..."]:
    """Set a share of the values to zero and scale up the others.

    On a CPU, torch draws one random number per value, which at a width of 128 costs as much as the matrix products.
    Here one 64-bit number decides for eight values, one byte each: `p` is rounded to a multiple of 1/256 (0.1 becomes
    26/256 = 0.1016), and the values kept are scaled according to the rounded probability, so the mean is exact.

    Parameters
    ----------
    x
        Values.
    p
        Probability of zero.
    training
        If false, `x` is returned unchanged.

    Returns
    -------
    torch.Tensor
        Same shape. Draws from torch's random state.
    """
    if not training or p == 0:
        return x
    if x.device.type != "cpu":
        return functional.dropout(x, p)
    return _Dropout.apply(x, min(max(round(p * 256), 1), 255))


class _Dropout(torch.autograd.Function):
    """Keeps one byte per value for the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, of_256: int) -> Tensor:
        n = x.numel()
        random = torch.empty(-(-n // 8), dtype=torch.int64).random_(-(2**63), None)  # all 64 bits are random
        least = of_256 - 128  # the lowest byte, of -128 .. 127, that keeps a value
        # 0 or 1; faster than a comparison
        kept = random.view(torch.int8)[:n].view(x.shape).clamp(least - 1, least).sub_(least - 1)
        ctx.save_for_backward(kept)
        ctx.scale = 256 / (256 - of_256)
        return (x * kept).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (kept,) = ctx.saved_tensors
        return (grads[0] * kept).mul_(ctx.scale), None
