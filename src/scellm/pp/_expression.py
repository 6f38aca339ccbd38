"""The expression of an AnnData: one matrix, the kind of its values, and its counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from scellm._compat import layer_names
from scellm.pp._detect import COUNTS, PREFERENCE, UNUSABLE, DetectedInput, detect, row_sums, units
from scellm.pp._matrix import Matrix, matrix_names


@dataclass(frozen=True)
class Expression:
    """A matrix and the kind of its values; converts any kind of values to linear ones.

    Parameters
    ----------
    matrix
        The matrix that holds the values.
    detected
        The detected kind.
    """

    matrix: Matrix
    detected: DetectedInput

    def linear(self, rows: sp.csr_matrix) -> tuple[sp.csr_matrix, np.ndarray]:
        """Values proportional to counts, and each cell's total on the same scale.

        Parameters
        ----------
        rows
            Rows of the matrix as they are stored.

        Returns
        -------
        tuple
            CSR (cells, genes) and totals, float64, (cells,). If `detected.exact`, the values are the counts.
        """
        detected = self.detected
        if detected.kind == COUNTS or (not detected.base and not detected.exact):
            return rows, row_sums(rows)
        y = sp.csr_matrix((rows.data.astype(np.float64), rows.indices, rows.indptr), shape=rows.shape, copy=True)
        y.eliminate_zeros()
        if detected.base:
            y.data = np.expm1(y.data * math.log(detected.base))
        totals = np.full(y.shape[0], detected.target) if detected.target else row_sums(y)
        return _recover(y, totals, scaled=bool(detected.target)) if detected.exact else (y, totals)


def _recover(y: sp.csr_matrix, totals: np.ndarray, *, scaled: bool) -> tuple[sp.csr_matrix, np.ndarray]:
    """Divide each row by the value of one count, and round; rows where that fails stay as they are."""
    unit, whole = units(y)
    n = np.diff(y.indptr)
    held = np.flatnonzero(n > 0)
    per_value = np.repeat(np.where(whole, unit, 1.0), n[held])
    rounded = np.repeat(whole, n[held])
    y.data /= per_value
    y.data[rounded] = np.round(y.data[rounded])
    if not scaled:
        return y, row_sums(y)
    totals = totals.copy()
    totals[held] /= np.where(whole, unit, 1.0)
    near = np.abs(totals - np.round(totals)) < 0.02  # a total of counts is a whole number
    totals[near] = np.round(totals[near])
    return y, totals


def find_expression(adata: AnnData, layer: str | None = None) -> Expression:
    """Find the matrix that is closest to raw counts.

    Parameters
    ----------
    adata
        Cells by genes.
    layer
        Use this layer only ("X" and "raw" are understood too).

    Returns
    -------
    Expression
        The first of the best kind, in the order X, layers, raw.

    Raises
    ------
    KeyError
        If `layer` does not exist.
    ValueError
        If no matrix holds counts or values that they can be recovered from.
    """
    names = matrix_names(adata) if layer is None else [_layer_name(adata, layer)]
    found = [Expression(matrix, detect(matrix)) for matrix in (Matrix.of(adata, name) for name in names)]
    best = min(found, key=lambda e: PREFERENCE.index(e.detected.kind), default=None)
    if best is None or best.detected.kind == UNUSABLE:
        seen = "; ".join(f"adata.{e.matrix.name}: {e.detected.why}" for e in found) or "no matrix at all"
        msg = (
            f"scellm needs raw counts, or their log1p, in X, a layer or raw. Found {seen}. "
            "Store the counts before scaling: adata.layers['counts'] = counts, then scellm.pp.prepare(adata)."
        )
        raise ValueError(msg)
    return best


def _layer_name(adata: AnnData, layer: str) -> str:
    if layer in layer_names(adata):
        return f"layers/{layer}"
    if (layer == "X" and adata.X is not None) or (layer == "raw" and adata.raw is not None):
        return layer
    msg = (
        f"layer={layer!r} is not in adata.layers, which holds {layer_names(adata)}. Leave layer out to have the counts "
        "found."
    )
    raise KeyError(msg)
