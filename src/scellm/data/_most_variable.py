"""Genes that vary most, from raw counts."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp


def most_variable(counts: sp.csr_matrix, n: int) -> np.ndarray:
    """The genes whose variance is largest beside their mean, ascending."""
    mean = np.asarray(counts.mean(axis=0)).ravel()
    variance = np.asarray(counts.multiply(counts).mean(axis=0)).ravel() - mean**2
    ratio = np.where(mean > 0, variance / np.maximum(mean, 1e-12), 0.0)
    return np.sort(np.argsort(-ratio, kind="stable")[: min(n, int((mean > 0).sum()))])
