"""Sums of counts over cells, on the genes of the vocabulary."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from scellm.data._prepared import PreparedCounts, ensure_prepared, stored_bins

_BLOCK = 16_384  # cells read at once


class GeneCounts:
    """Counts of cells on the genes that both the data and the vocabulary have.

    Parameters
    ----------
    adata
        Cells by genes; prepared automatically if needed (logged).
    """

    def __init__(self, adata: AnnData) -> None:
        ensure_prepared(adata)
        self.counts = PreparedCounts.of(adata)
        ids = stored_bins(adata)[1]
        self.genes = np.unique(ids[ids >= 0]).astype(np.int64)

    def rows(self, rows: np.ndarray) -> sp.csr_matrix:
        """Counts of some cells, float64, (cells, genes)."""
        found = self.counts.rows(rows)
        column = np.searchsorted(self.genes, found.gene)
        shape = (len(rows), len(self.genes))
        return sp.csr_matrix((found.count.astype(np.float64), column, found.offsets), shape=shape)

    def blocks(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, sp.csr_matrix]]:
        """Cells in blocks: positions among `rows`, and counts."""
        for start in range(0, len(rows), _BLOCK):
            at = np.arange(start, min(start + _BLOCK, len(rows)))
            yield at, self.rows(rows[at])

    def sums(self, weights: sp.csr_matrix, rows: np.ndarray) -> np.ndarray:
        """Weighted sums of cells, float64, (sums, genes).

        Parameters
        ----------
        weights
            How often each cell counts in each sum, (sums, cells).
        rows
            The cells.
        """
        total = np.zeros((weights.shape[0], len(self.genes)))
        columns = weights.tocsc()
        for at, counts in self.blocks(rows):
            total += (columns[:, at].tocsr() @ counts).toarray()
        return total
