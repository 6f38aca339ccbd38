"""Log-normalised expression on the genes of the vocabulary."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from scellm.data._prepared import PreparedCounts, ensure_prepared
from scellm.genes import load_vocabulary


def vocabulary_counts(adata: AnnData, rows: np.ndarray) -> tuple[sp.csr_matrix, np.ndarray]:
    """Counts on the genes of the vocabulary, float64, (cells, genes), and the sum over all genes of a cell, (cells,).

    Prepared automatically if needed (logged).
    """
    ensure_prepared(adata)
    found = PreparedCounts.of(adata).rows(rows)
    shape = (len(rows), len(load_vocabulary()))
    return sp.csr_matrix((found.count.astype(np.float64), found.gene, found.offsets), shape=shape), found.total


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
    x, total = vocabulary_counts(adata, rows)
    scale = sp.diags(target_sum / np.where(total > 0, total, 1))
    return (scale @ x).log1p().astype(np.float32).tocsr()
