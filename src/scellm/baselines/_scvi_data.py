"""Counts in the form that the models of scvi-tools read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

TYPE, UNLABELED = "type", "unlabeled"
QUIET: dict[str, Any] = {"accelerator": "cpu", "enable_progress_bar": False}


def most_variable(counts: sp.csr_matrix, n: int) -> np.ndarray:
    """The genes whose variance is largest beside their mean, ascending."""
    mean = np.asarray(counts.mean(axis=0)).ravel()
    variance = np.asarray(counts.multiply(counts).mean(axis=0)).ravel() - mean**2
    ratio = np.where(mean > 0, variance / np.maximum(mean, 1e-12), 0.0)
    return np.sort(np.argsort(-ratio, kind="stable")[: min(n, int((mean > 0).sum()))])


def as_adata(counts: sp.csr_matrix, types: np.ndarray) -> AnnData:
    """Counts and types as scvi-tools reads them, float32."""
    obs = pd.DataFrame({TYPE: pd.Categorical(types.astype(str))}, index=[f"{i}" for i in range(counts.shape[0])])
    return AnnData(sp.csr_matrix(counts, dtype=np.float32), obs=obs)
