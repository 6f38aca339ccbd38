"""Scores of predicted types, from the table of true against told types: quick enough to bootstrap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def macro_f1(table: np.ndarray) -> float:
    """Mean F1 over the types that occur among the true ones (scikit-learn's `f1_score` with those as `labels`).

    Parameters
    ----------
    table
        Cells of each true type (rows) told to be each type (columns), (types, types).

    Returns
    -------
    float
        From 0 to 1.
    """
    true, told, right = table.sum(1), table.sum(0), np.diag(table)
    there = true > 0
    return float((2 * right[there] / (true + told)[there]).mean())


def accuracy(table: np.ndarray) -> float:
    """Share of cells whose type is told right; `table` as in :func:`macro_f1`."""
    return float(np.trace(table) / table.sum())


METRICS: dict[str, Callable[[np.ndarray], float]] = {"macro_f1": macro_f1, "accuracy": accuracy}
"""Name to score; a new one is one entry."""


def confusion(truth: np.ndarray, told: np.ndarray, n_types: int, weight: np.ndarray | None = None) -> np.ndarray:
    """Codes of types to a table of true against told.

    Parameters
    ----------
    truth, told
        Codes, int, (cells,).
    n_types
        Number of codes.
    weight
        How often each cell counts, (cells,).

    Returns
    -------
    numpy.ndarray
        float64, (n_types, n_types).
    """
    return np.bincount(truth * n_types + told, weight, n_types * n_types).astype(float).reshape(n_types, n_types)
