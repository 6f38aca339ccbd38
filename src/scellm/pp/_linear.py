"""Values of any kind to linear ones."""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sp

from scellm.pp._detected import BASES, MIXED, DetectedInput
from scellm.pp._rows import row_sums, units

_LARGEST = math.log(1e9)  # no count is larger, and of larger numbers float64 does not tell whether they are multiples


def linear(rows: sp.csr_matrix, detected: DetectedInput) -> tuple[sp.csr_matrix, np.ndarray]:
    """Values proportional to counts, and each cell's total on the same scale.

    Parameters
    ----------
    rows
        Rows of a matrix as they are stored.
    detected
        The kind of its values.

    Returns
    -------
    tuple
        CSR (cells, genes) and totals, float64, (cells,). If `detected.exact`, the values are the counts.
    """
    if detected.is_counts and detected.rounded:
        rows = sp.csr_matrix((np.round(rows.data), rows.indices, rows.indptr), shape=rows.shape)
    if detected.is_counts or (detected.kind != MIXED and not detected.base and not detected.exact):
        return rows, row_sums(rows)
    y = sp.csr_matrix((rows.data.astype(np.float64), rows.indices, rows.indptr), shape=rows.shape, copy=True)
    y.eliminate_zeros()
    if detected.kind == MIXED:
        return _recover(_by_cell(y), None)
    if detected.base:
        y.data = np.expm1(y.data * math.log(detected.base))
    target = np.full(y.shape[0], detected.target) if detected.target else None
    if detected.exact:
        return _recover(y, target)
    return y, row_sums(y) if target is None else target


def _by_cell(y: sp.csr_matrix) -> sp.csr_matrix:
    """Take back the log of each cell in the base that gives whole multiples; counts and scaled counts stay."""
    n = np.diff(y.indptr)
    held = n > 0
    high, low = np.zeros(len(n)), np.zeros(len(n))
    if held.any():
        high[held] = np.maximum.reduceat(y.data, y.indptr[:-1][held])
        low[held] = np.minimum.reduceat(y.data, y.indptr[:-1][held])
    whole = np.zeros(len(n), bool)
    whole[held] = np.logical_and.reduceat(np.abs(y.data - np.round(y.data)) <= 1e-3, y.indptr[:-1][held])
    done = whole & (n >= 3) & (high > low) | ~held
    out = y.data.copy()
    for base in (*BASES.values(), 0.0):
        with np.errstate(over="ignore"):  # a wrong base may overflow, and gives no multiples then
            tried = np.expm1(y.data * math.log(base)) if base else y.data
        fits = np.zeros(len(n), bool)
        fits[held] = units(sp.csr_matrix((tried, y.indices, y.indptr), shape=y.shape))[1]
        fits &= (high * math.log(base) <= _LARGEST) if base else True
        now = np.repeat(fits & ~done, n)
        out[now] = tried[now]
        done |= fits
    return sp.csr_matrix((out, y.indices, y.indptr), shape=y.shape)


def _recover(y: sp.csr_matrix, target: np.ndarray | None) -> tuple[sp.csr_matrix, np.ndarray]:
    """Divide each row by the value of one count, and round; rows where that fails stay as they are."""
    unit, whole = units(y)
    n = np.diff(y.indptr)
    held = np.flatnonzero(n > 0)
    per_value = np.repeat(np.where(whole, unit, 1.0), n[held])
    rounded = np.repeat(whole, n[held])
    y.data /= per_value
    y.data[rounded] = np.round(y.data[rounded])
    if target is None:
        return y, row_sums(y)
    totals = target.copy()
    totals[held] /= np.where(whole, unit, 1.0)
    near = np.abs(totals - np.round(totals)) < 0.02  # a total of counts is a whole number
    totals[near] = np.round(totals[near])
    return y, totals
