"""Detect the kind of values in a matrix, from the values alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from scellm.pp._matrix import Matrix

COUNTS, DECIMAL, NORMALISED, LOG, UNUSABLE = "counts", "counts with decimals", "normalised", "log1p", "not usable"
PREFERENCE = (COUNTS, DECIMAL, LOG, NORMALISED, UNUSABLE)
"""Kinds of values, in order of preference."""

_BASES = {"e": math.e, "2": 2.0, "10": 10.0}
_TARGETS = (1e4, 1e6, 1e5, 1e3)  # usual target sums, tried if the sums of rows differ
_LARGEST_LOG = 25.0  # ln(1 + 7e10): no log of an expression value is larger


@dataclass(frozen=True)
class DetectedInput:
    """The kind of values in a matrix.

    Parameters
    ----------
    kind
        One of "counts", "counts with decimals", "normalised", "log1p", "not usable".
    why
        The evidence, in words.
    base
        Base of the logarithm, for "log1p".
    target
        Sum that every cell was scaled to, if known; 0 if cells were not scaled.
    exact
        Whether the counts can be recovered exactly (if the counts of a cell have no common factor).
    assumed
        Whether `target` is a guess; the caller then warns.
    """

    kind: str
    why: str
    base: float = 0.0
    target: float = 0.0
    exact: bool = False
    assumed: bool = False


def detect(matrix: Matrix) -> DetectedInput:
    """Detect the kind of values in a matrix.

    Reads all values of the first, the middle and the last block of rows. There is no random sample: the result is the
    same on every run, and no random state is changed.

    Parameters
    ----------
    matrix
        Any matrix of an AnnData.

    Returns
    -------
    DetectedInput
        The kind and the evidence.
    """
    block = _sample(matrix)
    x = block.data.astype(np.float64)
    if not len(x):
        return DetectedInput(COUNTS, "all values are zero", exact=True)
    if not np.isfinite(x).all():
        return DetectedInput(UNUSABLE, f"{int((~np.isfinite(x)).sum())} values are NaN or infinite")
    if x.min() < 0:
        return DetectedInput(UNUSABLE, f"values go down to {x.min():.3g}: scaled or centred, which cannot be undone")
    if (x == np.floor(x)).all():
        return DetectedInput(COUNTS, f"every value is a whole number, the largest {x.max():.0f}", exact=True)
    block = sp.csr_matrix((x, block.indices, block.indptr), shape=block.shape)
    return _logged(block) or _linear(block)


def _sample(matrix: Matrix) -> sp.csr_matrix:
    n, step = matrix.shape[0], matrix.rows_per_block
    starts = sorted({0, max((n - step) // 2, 0), max(n - step, 0)})
    block = sp.vstack([matrix._slice(start, min(start + step, n)) for start in starts]).tocsr()
    block.eliminate_zeros()
    return block


def _logged(block: sp.csr_matrix) -> DetectedInput | None:
    """Log1p in some base, if inverting it gives rows of equal sum or whole multiples of each row's smallest value."""
    if block.data.max() > _LARGEST_LOG:
        return None
    rounded = _is_rounded(block.data)
    for name, base in _BASES.items():
        y = block.copy()
        y.data = np.expm1(block.data * math.log(base))
        unit, whole = units(y, tolerance=1e-3 if rounded else 3e-6)
        sums = row_sums(y)
        same = _spread(sums) < 1e-3 and block.shape[0] > 2
        if whole.mean() < 0.9 and not same:
            continue
        exact = bool(whole.mean() >= 0.9) and not rounded
        if exact and _spread(unit) < 1e-3 and abs(np.median(unit) - 1) < 1e-3:
            return DetectedInput(LOG, f"log1p (base {name}) of counts that were not scaled", base, 0.0, exact=True)
        target, assumed = _target(sums, unit, whole, same=same)
        how = "rows sum to" if same else ("assumed to be scaled to" if assumed else "cells were scaled to")
        form = f"log1p in base {name}" + (", rounded to three decimals" if rounded else "")
        return DetectedInput(LOG, f"{form}; inverted, {how} {target:,.6g}", base, target, exact, assumed)
    if (block.data < _LARGEST_LOG).all() and block.data.max() < 16:
        why = (
            f"values with decimals, none above {block.data.max():.3g}, and no base recovers counts: taken for log1p "
            "in base e"
        )
        return DetectedInput(LOG, why, math.e, 1e4, exact=False, assumed=True)
    return None


def _is_rounded(values: np.ndarray) -> bool:
    """Whether values were rounded to three decimals when they were stored, as in scanpy's pbmc68k_reduced."""
    return bool((np.abs(values * 1e3 - np.round(values * 1e3)) < 1e-3).all())


def _linear(block: sp.csr_matrix) -> DetectedInput:
    sums = row_sums(block)
    _, whole = units(block)
    exact = bool(whole.mean() >= 0.9)
    if _spread(sums) < 1e-3 and block.shape[0] > 2:
        return DetectedInput(
            NORMALISED,
            f"no log was taken, but every row sums to {np.median(sums):,.6g}",
            target=float(np.median(sums)),
            exact=exact,
        )
    return DetectedInput(DECIMAL, f"values with decimals up to {block.data.max():,.6g}, rows of unequal sum")


def _target(sums: np.ndarray, unit: np.ndarray, whole: np.ndarray, *, same: bool) -> tuple[float, bool]:
    """The sum that cells were scaled to, and whether it is a guess. One count is `target / total`, a whole number."""
    if same:
        return float(np.median(sums)), False
    for target in _TARGETS:
        total = target / unit[whole]
        if (
            len(total)
            and (np.abs(total - np.round(total)) < 0.02).mean() > 0.9
            and (total >= 1).all()
            and sums.max() <= target * 1.001
        ):
            return target, False
    return 1e4, True


def row_sums(x: sp.csr_matrix) -> np.ndarray:
    """Sum of each row, float64, (cells,)."""
    return np.asarray(x.sum(axis=1), dtype=np.float64).ravel()


def _spread(values: np.ndarray) -> float:
    values = values[values > 0]
    return float((values.max() - values.min()) / np.median(values)) if len(values) else np.inf


def units(y: sp.csr_matrix, tolerance: float = 3e-6) -> tuple[np.ndarray, np.ndarray]:
    """Value of one count in each row, if the row's values are whole multiples of one number.

    Parameters
    ----------
    y
        Linear values, without stored zeros.
    tolerance
        Relative error of a ratio; float32 holds a log of up to 9 to 5e-7, so a ratio to about one part in a million.

    Returns
    -------
    tuple of numpy.ndarray
        For each row that holds a value: the unit, float64, and whether every value is a whole multiple of it, bool. The
        unit is the smallest value if a gene was counted once in the cell; otherwise a half or a third of it is tried.
    """
    n = np.diff(y.indptr)
    held = n > 0
    smallest = np.minimum.reduceat(y.data, y.indptr[:-1][held]) if held.any() else np.zeros(0)
    unit, whole = smallest.copy(), np.zeros(len(smallest), bool)
    for parts in (1, 2, 3):
        ratio = y.data / np.repeat(smallest / parts, n[held])
        off = np.abs(ratio - np.round(ratio)) > 1e-3 + tolerance * ratio
        ok = np.add.reduceat(off, y.indptr[:-1][held]) == 0 if held.any() else whole
        new = ok & ~whole
        unit[new] = smallest[new] / parts
        whole |= ok
    return unit, whole
