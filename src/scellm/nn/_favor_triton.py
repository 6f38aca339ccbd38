"""Kernels of FAVOR+ for GPUs: features of a tile of tokens are made, used and forgotten, so none is written to memory.

In all of them a program works for one cell and one head, "pair". `w` is the scaled projection, float32, (m, d). A tile
has BN tokens, BM features and BD dimensions, of which those after n, m and d are masked. Imported where Triton is at
hand.
"""

# Arguments of kernels are pointers and numbers that Triton types by itself; a type written here would mean a constant.
# ruff: noqa: ANN001, ANN202
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import triton
import triton.language as tl

_SIZES = ("heads", "n", "m")
"""Arguments for whose values nothing is compiled anew: the length of cells differs from chunk to chunk."""


@triton.jit
def rows_of(x, pair, row, dim, stride_b, stride_h, stride_n, heads, n, d):
    """A tile of tokens of (b, h, n, d), zeros beyond n and d."""
    base = x + (pair // heads).to(tl.int64) * stride_b + (pair % heads) * stride_h
    inside = (row[:, None] < n) & (dim[None, :] < d)
    return tl.load(base + row[:, None] * stride_n + dim[None, :], mask=inside, other=0.0)


@triton.jit
def exponents(x, w):
    """`sWx`, (BN, BM), and `|sx|^2 / 2` without its factor, (BN,), in float32.

    Exponents need more bits of `w` than half precision has, so there it is the sum of two parts, each multiplied
    exactly.
    """
    wide = x.to(tl.float32)
    if x.dtype == tl.float32:
        dash = tl.dot(x, tl.trans(w))
    else:
        large = w.to(x.dtype)
        small = (w - large.to(tl.float32)).to(x.dtype)
        dash = tl.dot(x, tl.trans(small), tl.dot(x, tl.trans(large)))
    return dash, tl.sum(wide * wide, 1)


@triton.jit(do_not_specialize=_SIZES)
def sums_over_tokens(
    x, y, ones, real, top, w, sums, sums1,
    x_b, x_h, x_n, y_b, y_h, y_n, heads, n, d, m, half,
    KEYS: tl.constexpr, BN: tl.constexpr, BM: tl.constexpr, BD: tl.constexpr,
):  # fmt: skip
    """Sums over tokens of feature times `y`, (pairs, m, d), and times `ones`, (pairs, m); without EPS.

    For keys, `ones` is 1, `real` (b, n) says which tokens count, and the stabiliser is the largest exponent of a tile
    of features so far, which ends in `top` (pairs, tiles). For queries, the stabiliser of each token is read from
    `top` (pairs, n).
    """
    pair, tile = tl.program_id(0), tl.program_id(1)
    dim, feature = tl.arange(0, BD), tile * BM + tl.arange(0, BM)
    w_tile = tl.load(w + feature[:, None] * d + dim[None, :], (feature[:, None] < m) & (dim[None, :] < d), other=0.0)
    total, total1 = tl.zeros((BM, BD), tl.float32), tl.zeros((BM,), tl.float32)
    largest = tl.full((), float("-inf"), tl.float32)
    for start in range(0, n, BN):
        row = start + tl.arange(0, BN)
        x_tile = rows_of(x, pair, row, dim, x_b, x_h, x_n, heads, n, d)
        y_tile = rows_of(y, pair, row, dim, y_b, y_h, y_n, heads, n, d)
        dash, norm = exponents(x_tile, w_tile)
        if KEYS:
            counts = tl.load(real + (pair // heads).to(tl.int64) * n + row, row < n, other=0) != 0
            dash = tl.where(counts[:, None] & (feature[None, :] < m), dash, float("-inf"))
            new = tl.maximum(largest, tl.max(tl.max(dash, 1), 0))
            safe = tl.where(new == float("-inf"), 0.0, new)  # no token so far; inf - inf is not a number
            shrink = tl.exp(largest - safe)
            total, total1, largest = total * shrink, total1 * shrink, new
            f = tl.exp(dash - (norm * half + safe)[:, None]).to(y_tile.dtype)
            total1 += tl.sum(f.to(tl.float32), 0)
        else:
            of_token = tl.load(top + pair.to(tl.int64) * n + row, row < n, other=0.0)
            weight = tl.load(ones + pair.to(tl.int64) * n + row, row < n, other=0.0)
            f = tl.exp(dash - (norm * half + of_token)[:, None]).to(y_tile.dtype)
            total1 += tl.sum(f.to(tl.float32) * weight[:, None], 0)
        total += tl.dot(tl.trans(f), y_tile)
    at = pair.to(tl.int64) * m + feature
    tl.store(sums + at[:, None] * d + dim[None, :], total, (feature[:, None] < m) & (dim[None, :] < d))
    tl.store(sums1 + at, total1, feature < m)
    if KEYS:
        tl.store(top + pair * tl.num_programs(1) + tile, largest)


@triton.jit(do_not_specialize=_SIZES)
def results(
    q, w, sums, sums1, rest, rest1, out, den, top,
    q_b, q_h, q_n, o_b, o_h, o_n, heads, n, d, m, half,
    BN: tl.constexpr, BM: tl.constexpr, BD: tl.constexpr,
):  # fmt: skip
    """Results of a tile of queries, their denominators and stabilisers, (pairs, n).

    `sums` (pairs, m, d) and `sums1` (pairs, m) are those of the keys, EPS included; `rest` (pairs, d) and `rest1`
    (pairs,) are EPS times their sums over features.
    """
    pair, tile = tl.program_id(0), tl.program_id(1)
    dim, row = tl.arange(0, BD), tile * BN + tl.arange(0, BN)
    x_tile = rows_of(q, pair, row, dim, q_b, q_h, q_n, heads, n, d)
    above, below = tl.zeros((BN, BD), tl.float32), tl.zeros((BN,), tl.float32)
    largest = tl.full((BN,), float("-inf"), tl.float32)
    for start in range(0, m, BM):
        feature = start + tl.arange(0, BM)
        inside = (feature[:, None] < m) & (dim[None, :] < d)
        dash, norm = exponents(x_tile, tl.load(w + feature[:, None] * d + dim[None, :], inside, other=0.0))
        dash = tl.where(feature[None, :] < m, dash, float("-inf"))
        new = tl.maximum(largest, tl.max(dash, 1))
        shrink = tl.exp(largest - new)
        f = tl.exp(dash - (norm * half + new)[:, None]).to(x_tile.dtype)
        at = pair.to(tl.int64) * m + feature
        part = tl.load(sums + at[:, None] * d + dim[None, :], inside, other=0.0).to(x_tile.dtype)
        part1 = tl.load(sums1 + at, feature < m, other=0.0)
        above = above * shrink[:, None] + tl.dot(f, part)
        below = below * shrink + tl.sum(f.to(tl.float32) * part1[None, :], 1)
        largest = new
    above += tl.load(rest + pair.to(tl.int64) * d + dim, dim < d, other=0.0)[None, :]
    below += tl.load(rest1 + pair)
    base = out + (pair // heads).to(tl.int64) * o_b + (pair % heads) * o_h
    inside = (row[:, None] < n) & (dim[None, :] < d)
    tl.store(base + row[:, None] * o_n + dim[None, :], (above / below[:, None]).to(x_tile.dtype), inside)
    tl.store(den + pair.to(tl.int64) * n + row, below, row < n)
    tl.store(top + pair.to(tl.int64) * n + row, largest, row < n)


@triton.jit(do_not_specialize=_SIZES)
def gradients(
    x, y, ones, real, top, w, sums, sums1, rest, dx, dy,
    x_b, x_h, x_n, y_b, y_h, y_n, o_b, o_h, o_n, heads, n, d, m, half,
    KEYS: tl.constexpr, BN: tl.constexpr, BM: tl.constexpr, BD: tl.constexpr,
):  # fmt: skip
    """Gradients of a tile of queries or keys, `dx`, and for keys those of the values, `dy`.

    For queries, `y` and `ones` are the gradients of numerator and denominator, and `sums` those of the keys. For keys,
    `y` holds the values, and `sums` and `rest` are the gradients of the sums, and EPS times their sum over features.
    """
    pair, tile = tl.program_id(0), tl.program_id(1)
    dim, row = tl.arange(0, BD), tile * BN + tl.arange(0, BN)
    x_tile = rows_of(x, pair, row, dim, x_b, x_h, x_n, heads, n, d)
    y_tile = rows_of(y, pair, row, dim, y_b, y_h, y_n, heads, n, d)
    if KEYS:
        counts = tl.load(real + (pair // heads).to(tl.int64) * n + row, row < n, other=0) != 0
        stabiliser = tl.zeros((BN,), tl.float32) + tl.load(top + pair)
        weight = counts.to(tl.float32)
    else:
        counts = row < n
        stabiliser = tl.load(top + pair.to(tl.int64) * n + row, row < n, other=0.0)
        weight = tl.load(ones + pair.to(tl.int64) * n + row, row < n, other=0.0)
    through, norms, values = tl.zeros((BN, BD), tl.float32), tl.zeros((BN,), tl.float32), tl.zeros((BN, BD), tl.float32)
    for start in range(0, m, BM):
        feature = start + tl.arange(0, BM)
        inside = (feature[:, None] < m) & (dim[None, :] < d)
        w_tile = tl.load(w + feature[:, None] * d + dim[None, :], inside, other=0.0)
        dash, norm = exponents(x_tile, w_tile)
        dash = tl.where(counts[:, None] & (feature[None, :] < m), dash, float("-inf"))
        f = tl.exp(dash - (norm * half + stabiliser)[:, None])
        at = pair.to(tl.int64) * m + feature
        part = tl.load(sums + at[:, None] * d + dim[None, :], inside, other=0.0).to(x_tile.dtype)
        part1 = tl.load(sums1 + at, feature < m, other=0.0)
        slope = (tl.dot(y_tile, tl.trans(part)) + weight[:, None] * part1[None, :]) * f
        norms += tl.sum(slope, 1)
        through += tl.dot(slope.to(x_tile.dtype), w_tile.to(x_tile.dtype))
        if KEYS:
            values += tl.dot(f.to(x_tile.dtype), part)
    at = (pair // heads).to(tl.int64) * o_b + (pair % heads) * o_h + row[:, None] * o_n + dim[None, :]
    inside = (row[:, None] < n) & (dim[None, :] < d)
    tl.store(dx + at, (through - x_tile.to(tl.float32) * (norms * (2 * half))[:, None]).to(x_tile.dtype), inside)
    if KEYS:
        values += tl.load(rest + pair.to(tl.int64) * d + dim, dim < d, other=0.0)[None, :]
        tl.store(dy + at, tl.where(counts[:, None], values, 0.0).to(x_tile.dtype), inside)
