"""Whether the matrices of an AnnData were changed in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from scellm._on_disk import on_disk


def checksum(adata: AnnData) -> tuple[float, ...]:
    """Two sums over X, which no usual transformation leaves as they are; empty for data on disk."""
    return () if adata.X is None or on_disk(adata) else _sums(adata.X)


def _sums(matrix: Any) -> tuple[float, ...]:
    values = matrix.data if sp.issparse(matrix) else np.asarray(matrix)
    return float(values.sum(dtype=np.float64)), float(values.max(initial=0))
