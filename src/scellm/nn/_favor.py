"""FAVOR+: linear attention by positive orthogonal random features (Choromanski et al. 2021, arXiv:2009.14794)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

EPS = 1e-4
"""Added to every feature, as in the published encoder and in performer-pytorch."""

_KEEP_BYTES = 1 << 25
"""Features of at most 32 MiB a call are kept for the gradient; more are made again from the queries and keys."""

_BLOCK = 1 << 20  # features worked on at once on a CPU: two such arrays stay in its cache


class Favor(nn.Module):
    r"""Attention with the softmax kernel in time and memory linear in the number of genes.

    With :math:`W` the projection (features, dim_head), :math:`s = d^{-1/4}` and the stabilisers :math:`c`,

    .. math::
        q' = \exp(sWq - \tfrac12 \lVert sq \rVert^2 - c_q) + \epsilon, \qquad
        k' = \exp(sWk - \tfrac12 \lVert sk \rVert^2 - c_k) + \epsilon, \qquad
        o_i = \frac{q'_i \cdot \sum_j k'_j v_j^\top}{q'_i \cdot \sum_j k'_j}

    :math:`c_q` is the largest :math:`sWq` of the token, :math:`c_k` that of the cell and head over its real genes; both are
    constants to the gradient. Padding enters neither keys, values nor the denominator, so a cell's result is its own alone.
    (The published encoder takes :math:`c_k` over the whole batch and keeps padding in the denominator.)

    Features are worked on in blocks. They are kept for the gradient where that is at most 32 MiB (a chunk of `mini`), else made again.
    """

    max_padding = 0.05

    def forward(
        self,
        q: Float[Tensor, "cells heads length dim_head"],
        k: Float[Tensor, "cells heads length dim_head"],
        v: Float[Tensor, "cells heads length dim_head"],
        real: Bool[Tensor, "cells length"] | None,
        projection: Float[Tensor, "features dim_head"],
    ) -> Float[Tensor, "cells heads length dim_head"]:
        """Attend within each cell. `real` is False at padding, or None where there is none."""
        return _Favor.apply(
            q, k, v, real, projection, keeps_features(q.numel() // q.shape[-1], len(projection), q.element_size())
        )


def keeps_features(rows: int, features: int, bytes_per_value: int) -> bool:
    """Whether the features of `rows` queries and keys are kept for the gradient."""
    return 2 * rows * features * bytes_per_value <= _KEEP_BYTES


class _Favor(torch.autograd.Function):
    """The formula and its gradient, block by block over (cell, head) pairs."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        q, k, v, real, projection, keep = given  # torch hands them on by place
        # Whatever autocast made of q decides: inside, nothing is cast again.
        dtype, (q, k, v) = q.dtype, _products_dtype(q, k, v)
        with torch.autocast(q.device.type, enabled=False):
            w = (projection * q.shape[-1] ** -0.25).to(_wide(q))  # (m, d)
            out = torch.empty_like(v, memory_format=torch.contiguous_format)
            sums = q.new_empty(*q.shape[:2], w.shape[0], q.shape[-1] + 1)  # (b, h, m, d + 1)
            den = q.new_empty(*q.shape[:3], 1)  # (b, h, n, 1)
            kept = []
            for at in _blocks(q, w):
                v1, fq, fk = (
                    _with_ones(v[at], _rows(real, at)),
                    _query_features(q[at], w),
                    _key_features(k[at], w, _rows(real, at)),
                )
                out[at], den[at], sums[at] = _forward(fq, fk, v1)
                kept += [fq, fk] if keep else []
        ctx.save_for_backward(q, k, v, real, w, out, den, sums, *kept)
        return out.to(dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, real, w, out, den, sums, *kept = ctx.saved_tensors
        with torch.autocast(q.device.type, enabled=False):
            dq, dk, dv = (torch.empty_like(x, memory_format=torch.contiguous_format) for x in (q, k, v))
            w1 = torch.cat([w, w.new_ones(len(w), 1)], 1).to(q.dtype)  # (m, d + 1): the last column sums over features
            grad = grads[0].to(q.dtype)
            for i, at in enumerate(_blocks(q, w)):
                rows = _rows(real, at)
                fq, fk = kept[2 * i : 2 * i + 2] if kept else (_query_features(q[at], w), _key_features(k[at], w, rows))
                dlog_q, dlog_k, dv[at] = _backward(
                    grad[at], fq, fk, _with_ones(v[at], rows), rows, out[at], den[at], sums[at]
                )
                dq[at], dk[at] = _through_features(dlog_q, q[at], w1), _through_features(dlog_k, k[at], w1)
        given = grads[0].dtype
        return dq.to(given), dk.to(given), dv.to(given), None, None, None


def _products_dtype(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Narrow heads in bf16 on a CPU are worked on in float32: oneDNN builds a kernel for every new shape, which costs more than it saves."""
    wide = q.device.type == "cpu" and q.dtype == torch.bfloat16 and q.shape[-1] < 64
    return (q.float(), k.float(), v.float()) if wide else (q, k, v)


def _wide(x: Tensor) -> torch.dtype:
    """Where exponents are computed: float32 for half precision, whose eight bits would be off by percents after exp."""
    return torch.float32 if x.dtype in {torch.bfloat16, torch.float16} else x.dtype


At = tuple[slice, slice]


def _blocks(q: Tensor, w: Tensor) -> Iterator[At]:
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


def _rows(real: Tensor | None, at: At) -> Tensor | None:
    return None if real is None else real[at[0], None, :, None]  # (b, 1, n, 1)


def _query_features(q: Tensor, w: Tensor) -> Tensor:
    """Exp of the queries' projections, stabilised per token, (b, h, n, m)."""
    wide = q.to(w.dtype)
    dash = wide @ w.T
    return dash.sub_(_half_norm(wide) + dash.amax(-1, keepdim=True)).exp_().to(q.dtype)


def _key_features(k: Tensor, w: Tensor, real: Tensor | None) -> Tensor:
    """Exp of the keys' projections, stabilised per cell and head over real tokens, (b, h, n, m); at most 1 at padding."""
    wide = k.to(w.dtype)
    dash = wide @ w.T
    largest = dash.amax(-1, keepdim=True)  # (b, h, n, 1)
    if real is None:
        stabiliser = largest.amax(-2, keepdim=True)
    else:
        among_real = largest.masked_fill(~real, -torch.inf).amax(-2, keepdim=True)
        stabiliser = torch.where(real, among_real, largest)  # padding must not overflow: inf * 0 is not 0
    return dash.sub_(_half_norm(wide) + stabiliser).exp_().to(k.dtype)


def _half_norm(x: Tensor) -> Tensor:
    """|s x|^2 / 2, (b, h, n, 1)."""
    return x.square().sum(-1, keepdim=True) * (0.5 * x.shape[-1] ** -0.5)


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
    grad: Tensor, fq: Tensor, fk: Tensor, v1: Tensor, real: Tensor | None, out: Tensor, den: Tensor, sums: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of the logarithms of the query and key features, (b, h, n, m), and of the values."""
    dnum = grad / den
    dnum = torch.cat([dnum, -(dnum * out).sum(-1, keepdim=True)], -1)  # (b, h, n, d + 1)
    dsums = fq.mT @ dnum + EPS * dnum.sum(-2, keepdim=True)  # (b, h, m, d + 1)
    dv1 = fk @ dsums + EPS * dsums.sum(-2, keepdim=True)  # (b, h, n, d + 1)
    dv = dv1[..., :-1] if real is None else dv1[..., :-1] * real
    return (dnum @ sums.mT).mul_(fq), (v1 @ dsums.mT).mul_(fk), dv


def _through_features(d: Tensor, x: Tensor, w1: Tensor) -> Tensor:
    """From the gradient of sWx - |sx|^2 / 2, (b, h, n, m), to that of x, (b, h, n, d); `w1` is the scaled W with a column of ones."""
    dx = d @ w1
    return dx[..., :-1] - x * (dx[..., -1:] * x.shape[-1] ** -0.5)


def orthogonal_projection(
    features: int, dim_head: int, generator: torch.Generator | None = None
) -> Float[Tensor, "features dim_head"]:
    """Rows orthogonal in groups of `dim_head`, each as long as a Gaussian vector (Choromanski et al., section 3; ORF of Yu et al. 2016).

    Parameters
    ----------
    features
        Number of rows.
    dim_head
        Length of a row.
    generator
        Where the numbers come from; by default torch's own, which `scvi.settings.seed` seeds.

    Returns
    -------
    torch.Tensor
        float32.
    """
    groups = -(-features // dim_head)
    gauss = torch.randn(groups, dim_head, dim_head, generator=generator, dtype=torch.float64)
    rows = torch.linalg.qr(gauss).Q.mT.reshape(-1, dim_head)[:features]
    length = torch.randn(features, dim_head, generator=generator, dtype=torch.float64).norm(dim=1)
    return (rows * length[:, None]).float()
