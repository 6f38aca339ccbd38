"""FAVOR+ on a GPU by kernels that keep no features; off by itself where they are not right."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from scellm._logging import logger
from scellm.nn._favor_kernel import EPS, FavorFunction

WIDEST_HEAD = 64
"""Tiles of wider heads do not fit the shared memory of every GPU (99 KiB on Ada, 227 KiB on Hopper)."""

SWITCH = "SCELLM_FUSED"
"""Environment variable; 0 turns the kernels off."""

_TOKENS, _FEATURES = 64, 64  # of a tile
_LAUNCH = {"num_warps": 4, "num_stages": 2}

_TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 3e-2}
"""For each dtype that is fused, the largest difference to the formula, as a share of its norm.

float32 is not fused: by Triton's default, the kernels would round its factors to ten bits (TF32) on a GPU, and torch's
own products do not.
"""


def can_fuse(q: Tensor, projection: Tensor) -> bool:
    """Whether the kernels compute this on the GPU at hand; the first time, they are compared with the plain version."""
    known = q.is_cuda and q.dtype in _TOLERANCE and q.shape[-1] <= WIDEST_HEAD
    wanted = known and os.environ.get(SWITCH) != "0" and find_spec("triton") is not None
    return wanted and _is_right(q.device, q.dtype, tuple(projection.shape))


@cache
def _is_right(device: torch.device, dtype: torch.dtype, shape: tuple[int, int]) -> bool:
    """Compare results and gradients on three random cells of unequal length; warns once if they differ."""
    try:
        off = difference(device, dtype, shape)
    except torch.OutOfMemoryError:
        raise  # says nothing about the kernels; a step that runs out of memory is repeated
    except Exception as error:  # noqa: BLE001  whatever a compiler or driver raises, the plain version goes on
        off, why = float("inf"), f"{type(error).__name__}: {error}"
    else:
        why = f"a difference of {off:.2g}, and at most {_TOLERANCE[dtype]} was expected"
    if not off <= _TOLERANCE[dtype]:
        logger.warning(
            "FAVOR+: on %s in %s the fused kernels are not used (%s). Results are the same without them; %s=0 leaves "
            "the attempt out",
            device,
            dtype,
            why[:300],
            SWITCH,
        )
        return False
    return True


@torch.inference_mode(mode=False)
@torch.enable_grad()
def difference(device: torch.device, dtype: torch.dtype, shape: tuple[int, int]) -> float:
    """Largest relative difference of results and gradients to the plain version in float64 on random cells.

    Parameters
    ----------
    device, dtype
        Of the kernels.
    shape
        Of the projection, (m, d).

    Returns
    -------
    float
        The norm of the difference by the norm, the largest of the result and the gradients by queries, keys and values;
        not a number if any of them is none.
    """
    draw = torch.Generator().manual_seed(0)
    projection = torch.randn(shape, generator=draw, device="cpu").to(device)
    found, keep = [], (False,)
    for longest in (150, 160):  # kernels are compiled for layouts and alignments that the two differ in
        lengths = torch.tensor([longest, 67, 1], device="cpu")
        real = (torch.arange(longest, device="cpu") < lengths[:, None]).to(device)  # (b, n)
        some = torch.randn(3, longest, 4, 2, shape[1], generator=draw, device="cpu").to(device, dtype)
        some = some.permute(2, 0, 3, 1, 4)  # queries, keys, values, and the gradient of the result, each (b, h, n, d)
        given = some if longest % 16 == 0 else some.contiguous()
        fused = _gradients(FusedFavorFunction, given, real, projection)
        plain = _gradients(FavorFunction, given.double(), real, projection.double(), *keep)
        found += [(a.double() - b).norm() / b.norm() for a, b in zip(fused, plain, strict=True)]
    return float(torch.stack(found).max())


def _gradients(
    function: type[torch.autograd.Function], some: Tensor, real: Tensor, *given: Tensor | bool
) -> list[Tensor]:
    """The result at real tokens, and the gradients of queries, keys and values."""
    q, k, v, grad = some
    inputs = [x.detach().requires_grad_() for x in (q, k, v)]
    out = function.apply(*inputs, real, *given) * real[:, None, :, None]
    return [out.detach(), *torch.autograd.grad(out, inputs, grad)]


class FusedFavorFunction(torch.autograd.Function):
    """As :class:`scellm.nn._favor_kernel.FavorFunction`; features are always computed again for the gradient."""

    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        """Queries, keys, values, mask and projection to one vector per token and head."""
        q, k, v, real, projection = given  # torch passes them by position
        run = _Launch(q, projection * q.shape[-1] ** -0.25)
        q, k, v = run.laid_out(q, k, v)
        real = q.new_ones(len(q), q.shape[2], dtype=torch.uint8) if real is None else real.to(torch.uint8).contiguous()
        sums, sums1, top_k = run.sums_of_keys(k, v, real)
        counted = real[:, None, :, None]  # (b, 1, n, 1)
        sums += EPS * (v * counted).sum(-2, keepdim=True, dtype=torch.float32)  # (b, h, m, d)
        sums1 += EPS * counted.sum(-2, dtype=torch.float32)  # (b, h, m)
        out, den, top_q = run.results(q, sums, sums1)
        ctx.save_for_backward(q, k, v, real, run.w, out, den, sums, sums1, top_q, top_k)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of queries, keys and values."""
        q, k, v, real, w, out, den, sums, sums1, top_q, top_k = ctx.saved_tensors
        run = _Launch(q, w)
        wide = grads[0].float() / den[..., None]  # (b, h, n, d)
        dden = -(wide * out).sum(-1)  # (b, h, n)
        (dnum,) = run.laid_out(wide.to(q.dtype))
        dq = run.gradient_of_queries(q, dnum, dden, (top_q, sums, sums1))
        dsums, dsums1 = run.sums_of_queries(q, dnum, dden, top_q)
        dsums += EPS * wide.sum(-2, keepdim=True)
        dsums1 += EPS * dden.sum(-1, keepdim=True)
        dk, dv = run.gradient_of_keys(k, v, real, (top_k, dsums, dsums1))
        return dq, dk, dv, None, None


class _Launch:
    """Starts the kernels on tensors of one shape.

    Parameters
    ----------
    q
        Queries, (b, h, n, d).
    w
        The projection with its factor d^(-1/4), (m, d).
    """

    def __init__(self, q: Tensor, w: Tensor) -> None:
        from scellm.nn import _favor_triton  # needs Triton

        self.kernels = _favor_triton
        b, h, n, d = q.shape
        self.w, self.m, self.pairs = w.float().contiguous(), len(w), b * h
        self.sizes = (h, n, d, self.m, 0.5 * d**-0.5)
        self.tiles, self.feature_tiles = -(-n // _TOKENS), -(-self.m // _FEATURES)
        self.options = tile_of(d)

    def laid_out(self, *given: Tensor) -> list[Tensor]:
        """The tensors, with dimensions next to each other in memory and all in one layout."""
        same = len({x.stride() for x in given}) == 1 and given[0].stride(-1) == 1
        return list(given) if same else [x.contiguous() for x in given]

    def sums_of_keys(self, k: Tensor, v: Tensor, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sums over keys without EPS, (b, h, m, d) and (b, h, m), and the stabiliser, (b, h)."""
        sums, sums1 = self._empty(k, self.m, k.shape[-1]), self._empty(k, self.m)
        top = self._empty(k, self.feature_tiles)
        self._sum(k, v, (sums1, real, top), sums, sums1, keys=True)
        largest = top.amax(-1, keepdim=True)  # (b, h, 1)
        shrink = (top - largest).exp().repeat_interleave(_FEATURES, -1)[..., : self.m]  # each tile had its own
        return sums * shrink[..., None], sums1 * shrink, largest[..., 0].contiguous()

    def sums_of_queries(self, q: Tensor, dnum: Tensor, dden: Tensor, top: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of the sums without EPS, (b, h, m, d) and (b, h, m)."""
        sums, sums1 = self._empty(q, self.m, q.shape[-1]), self._empty(q, self.m)
        self._sum(q, dnum, (dden, sums1, top), sums, sums1, keys=False)
        return sums, sums1

    def _sum(self, x: Tensor, y: Tensor, given: tuple[Tensor, ...], *sums: Tensor, keys: bool) -> None:
        strides = (*x.stride()[:3], *y.stride()[:3])
        kernel = self.kernels.sums_over_tokens
        self._start(kernel, self.feature_tiles, x, y, *given, self.w, *sums, *strides, KEYS=keys)

    def results(self, q: Tensor, sums: Tensor, sums1: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The result, (b, h, n, d), its denominator and the stabilisers, (b, h, n)."""
        n = q.shape[2]
        out = _by_tokens(q)
        den, top = self._empty(q, n), self._empty(q, n)
        rest, rest1 = EPS * sums.sum(-2), EPS * sums1.sum(-1)
        strides = (*q.stride()[:3], *out.stride()[:3])
        self._start(self.kernels.results, self.tiles, q, self.w, sums, sums1, rest, rest1, out, den, top, *strides)
        return out, den, top

    def gradient_of_queries(
        self, q: Tensor, dnum: Tensor, dden: Tensor, of_keys: tuple[Tensor, Tensor, Tensor]
    ) -> Tensor:
        """Of the queries; `of_keys` are the stabilisers of queries and the sums over keys."""
        top, sums, sums1 = of_keys
        dq = _by_tokens(q)
        self._gradients(q, dnum, (dden, sums1, top), (sums, sums1, sums1, dq, dq), keys=False)
        return dq

    def gradient_of_keys(
        self, k: Tensor, v: Tensor, real: Tensor, of_queries: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Of keys and values; `of_queries` are the stabiliser of the keys and the gradients of the sums."""
        top, dsums, dsums1 = of_queries
        dk, dv = _by_tokens(k), _by_tokens(v)
        rest = EPS * dsums.sum(-2)
        self._gradients(k, v, (dsums1, real, top), (dsums, dsums1, rest, dk, dv), keys=True)
        return dk, dv

    def _gradients(
        self, x: Tensor, y: Tensor, given: tuple[Tensor, ...], rest: tuple[Tensor, ...], *, keys: bool
    ) -> None:
        strides = (*x.stride()[:3], *y.stride()[:3], *rest[-1].stride()[:3])
        self._start(self.kernels.gradients, self.tiles, x, y, *given, self.w, *rest, *strides, KEYS=keys)

    def _start(self, kernel: Any, tiles: int, *given: Any, **constants: bool) -> None:
        """Start a kernel for every pair of a cell and a head, and every tile."""
        with torch.cuda.device_of(self.w):  # Triton starts it on the current device, which may be another
            kernel[(self.pairs, tiles)](*given, *self.sizes, **constants, **self.options)

    def _empty(self, like: Tensor, *sizes: int) -> Tensor:
        return like.new_empty(*like.shape[:2], *sizes, dtype=torch.float32)


def _by_tokens(like: Tensor) -> Tensor:
    """An empty (b, h, n, d) with the heads of a token next to each other, as the layer before and after has them."""
    b, h, n, d = like.shape
    return like.new_empty(b, n, h, d).transpose(1, 2)


def tile_of(d: int) -> dict[str, int]:
    """Options of a kernel for heads of width d."""
    return {"BN": _TOKENS, "BM": _FEATURES, "BD": max(1 << (d - 1).bit_length(), 16), **_LAUNCH}
