"""Counts in the form that the models of scvi-tools read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

TYPE, UNLABELED = "type", "unlabeled"
QUIET: dict[str, Any] = {"accelerator": "cpu", "enable_progress_bar": False}


def as_adata(counts: sp.csr_matrix, types: np.ndarray) -> AnnData:
    """Counts and types as scvi-tools reads them, float32."""
    obs = pd.DataFrame({TYPE: pd.Categorical(types.astype(str))}, index=[f"{i}" for i in range(counts.shape[0])])
    return AnnData(sp.csr_matrix(counts, dtype=np.float32), obs=obs)
