"""FAVOR+ in blocks with a hand-written gradient, which keeps a quarter of the memory that autograd would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

EPS = 1e-4
"""Added to every feature, as in the published encoder and in performer-pytorch."""

_KEEP_BYTES = 1 << 25
"""Features of at most 32 MiB per call are kept for the gradient; more are recomputed from the queries and keys."""

_BLOCK = 1 << 20  # features per block on a CPU: two such arrays stay in its cache

Block = tuple[slice, slice]
"""A slice of cells and one of heads."""


def keeps_features(rows: int, features: int, bytes_per_value: int) -> bool:
    """Whether the features of `rows` queries and keys are kept for the gradient."""
    return 2 * rows * features * bytes_per_value <= _KEEP_BYTES


def half_norm(x: Tensor) -> Tensor:
    """|s x|^2 / 2 with s = d^(-1/4), (b, h, n, 1)."""
    return x.square().sum(-1, keepdim=True) * (0.5 * x.shape[-1] ** -0.5)


class FavorFunction(torch.autograd.Function):
    """The formula and its gradient, block by block over (cell, head) pairs."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        """Queries, keys, values, mask, projection and whether to keep features, to one vector per token and head."""
        q, k, v, real, projection, keep = given  # torch passes them by position
        # The dtype that autocast chose for q decides; inside, nothing is cast again.
        dtype, (q, k, v) = q.dtype, _products_dtype(q, k, v)
        with torch.autocast(q.device.type, enabled=False):
            w = (projection * q.shape[-1] ** -0.25).to(_exponent_dtype(q))  # (m, d)
            out = torch.empty_like(v, memory_format=torch.contiguous_format)
            sums = q.new_empty(*q.shape[:2], w.shape[0], q.shape[-1] + 1)  # (b, h, m, d + 1)
            den = q.new_empty(*q.shape[:3], 1)  # (b, h, n, 1)
            kept = []
            for at in _blocks(q, w):
                mask = _mask_of(real, at)
                v1, fq, fk = _with_ones(v[at], mask), _query_features(q[at], w), _key_features(k[at], w, mask)
                out[at], den[at], sums[at] = _forward(fq, fk, v1)
                kept += [fq, fk] if keep else []
        ctx.save_for_backward(q, k, v, real, w, out, den, sums, *kept)
        return out.to(dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of queries, keys and values."""
        q, k, v, real, w, out, den, sums, *kept = ctx.saved_tensors
        with torch.autocast(q.device.type, enabled=False):
            dq, dk, dv = (torch.empty_like(x, memory_format=torch.contiguous_format) for x in (q, k, v))
            w1 = torch.cat([w, w.new_ones(len(w), 1)], 1).to(q.dtype)  # (m, d + 1): the last column sums over features
            grad = grads[0].to(q.dtype)
            for i, at in enumerate(_blocks(q, w)):
                mask = _mask_of(real, at)
                fq, fk = kept[2 * i : 2 * i + 2] if kept else (_query_features(q[at], w), _key_features(k[at], w, mask))
                v1 = _with_ones(v[at], mask)
                dlog_q, dlog_k, dv[at] = _backward(grad[at], (fq, fk, v1), mask, out[at], den[at], sums[at])
                dq[at], dk[at] = _through_features(dlog_q, q[at], w1), _through_features(dlog_k, k[at], w1)
        given = grads[0].dtype
        return dq.to(given), dk.to(given), dv.to(given), None, None, None


def _products_dtype(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Narrow heads in bf16 on a CPU are computed in float32: oneDNN compiles a kernel for every new shape."""
    wide = q.device.type == "cpu" and q.dtype == torch.bfloat16 and q.shape[-1] < 64
    return (q.float(), k.float(), v.float()) if wide else (q, k, v)


def _exponent_dtype(x: Tensor) -> torch.dtype:
    """Exponents need float32: with the eight bits of bfloat16, `exp` would be off by several percent."""
    return torch.float32 if x.dtype in {torch.bfloat16, torch.float16} else x.dtype


def _blocks(q: Tensor, w: Tensor) -> Iterator[Block]:
    """Slices of (cells, heads) whose features fit the cache; everything at once on other devices."""
    b, h, n, _ = q.shape
    if q.device.type != "cpu":
        yield slice(0, b), slice(0, h)
        return
    pairs = max(_BLOCK // (n * w.shape[0]), 1)
    cells, heads = (pairs // h, h) if pairs >= h else (1, pairs)
    for i in range(0, b, cells):
        for j in range(0, h, heads):
            yield slice(i, i + cells), slice(j, j + heads)


def _mask_of(real: Tensor | None, at: Block) -> Tensor | None:
    return None if real is None else real[at[0], None, :, None]  # (b, 1, n, 1)


def _query_features(q: Tensor, w: Tensor) -> Tensor:
    """Exp of the queries' projections, stabilised per token, (b, h, n, m)."""
    wide = q.to(w.dtype)
    dash = wide @ w.T
    return dash.sub_(half_norm(wide) + dash.amax(-1, keepdim=True)).exp_().to(q.dtype)


def _key_features(k: Tensor, w: Tensor, real: Tensor | None) -> Tensor:
    """Exp of the keys' projections, stabilised per cell and head over real tokens, (b, h, n, m); padding: at most 1."""
    wide = k.to(w.dtype)
    dash = wide @ w.T
    largest = dash.amax(-1, keepdim=True)  # (b, h, n, 1)
    if real is None:
        stabiliser = largest.amax(-2, keepdim=True)
    else:
        among_real = largest.masked_fill(~real, -torch.inf).amax(-2, keepdim=True)
        stabiliser = torch.where(real, among_real, largest)  # padding must not overflow: inf * 0 is not 0
    return dash.sub_(half_norm(wide) + stabiliser).exp_().to(k.dtype)


def _with_ones(v: Tensor, real: Tensor | None) -> Tensor:
    """Values with a last column of ones, zero at padding, (b, h, n, d + 1): the ones sum to the denominator."""
    v = torch.cat([v, v.new_ones(*v.shape[:-1], 1)], -1)
    return v if real is None else v * real


def _forward(fq: Tensor, fk: Tensor, v1: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Result, denominator, and sums over keys, from features without their EPS."""
    sums = fk.mT @ v1 + EPS * v1.sum(-2, keepdim=True)  # (b, h, m, d + 1)
    out = fq @ sums + EPS * sums.sum(-2, keepdim=True)  # (b, h, n, d + 1)
    return out[..., :-1] / out[..., -1:], out[..., -1:], sums


def _backward(
    grad: Tensor, inputs: tuple[Tensor, Tensor, Tensor], real: Tensor | None, out: Tensor, den: Tensor, sums: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the logarithms of the query and key features, (b, h, n, m), and of the values."""
    fq, fk, v1 = inputs
    dnum = grad / den
    dnum = torch.cat([dnum, -(dnum * out).sum(-1, keepdim=True)], -1)  # (b, h, n, d + 1)
    dsums = fq.mT @ dnum + EPS * dnum.sum(-2, keepdim=True)  # (b, h, m, d + 1)
    dv1 = fk @ dsums + EPS * dsums.sum(-2, keepdim=True)  # (b, h, n, d + 1)
    dv = dv1[..., :-1] if real is None else dv1[..., :-1] * real
    return (dnum @ sums.mT).mul_(fq), (v1 @ dsums.mT).mul_(fk), dv


def _through_features(d: Tensor, x: Tensor, w1: Tensor) -> Tensor:
    """From the gradient of sWx - |sx|^2 / 2, (b, h, n, m), to that of x, (b, h, n, d).

    `w1` is the scaled W with a column of ones.
    """
    dx = d @ w1
    return dx[..., :-1] - x * (dx[..., -1:] * x.shape[-1] ** -0.5)
