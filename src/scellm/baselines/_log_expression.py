"""Log-normalised expression on the genes of the vocabulary."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from scellm.data._prepared import PreparedCounts, ensure_prepared
from scellm.genes import load_vocabulary


def log_expression(adata: AnnData, rows: np.ndarray, target_sum: float = 1e4) -> sp.csr_matrix:
    """`log1p` of counts per `target_sum`, on the genes of the vocabulary, so that any two data sets share columns.

    Parameters
    ----------
    adata
        Cells by genes; prepared automatically if needed (logged).
    rows
        Indices of the cells.
    target_sum
        Sum that a cell's counts are scaled to.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32, (cells, genes of the vocabulary).
    """
    ensure_prepared(adata)
    counts = PreparedCounts.of(adata).rows(rows)
    shape = (len(rows), len(load_vocabulary()))
    x = sp.csr_matrix((counts.count.astype(np.float64), counts.gene, counts.offsets), shape=shape)
    scale = sp.diags(target_sum / np.where(counts.total > 0, counts.total, 1))
    return (scale @ x).log1p().astype(np.float32).tocsr()
