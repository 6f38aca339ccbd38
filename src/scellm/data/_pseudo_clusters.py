"""Clusters of the cells of one source, which stand for cell types that nobody named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import csr_array, diags_array
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from scellm.data._counts import Counts

_COMPONENTS, _MOST_CLUSTERS, _FITTED, _BLOCK = 30, 60, 20_000, 4096
_SCALE = 1e4  # counts per 10,000
_LEAST = 8  # cells below which a source is one cluster


def n_clusters(cells: int) -> int:
    """Half the square root of the number of cells, at least 1 and at most 60: some 20 cells a cluster, then more."""
    return 1 if cells < _LEAST else int(np.clip(round(cells**0.5 / 2), 2, _MOST_CLUSTERS))


def pseudo_clusters(read: Callable[[np.ndarray], Counts], cells: int, n_genes: int, seed: int = 0) -> np.ndarray:
    """Cluster cells by k-means on 30 principal components of their log expression.

    Genes are weighted by their inverse document frequency and cells are scaled to length 1. Components and centres are
    fitted on at most 20,000 cells; the others are assigned to them in blocks. Cells are read twice, block by block, so
    that memory does not grow with their number.

    Parameters
    ----------
    read
        Gives the counts of some cells of one source, on the genes of the vocabulary; called with ascending positions.
    cells
        Number of cells.
    n_genes
        Size of the vocabulary.
    seed
        Seed of the sample and of k-means.

    Returns
    -------
    numpy.ndarray
        Number of each cell's cluster, int64, (cells,).
    """
    n = n_clusters(cells)
    if n == 1:
        return np.zeros(cells, np.int64)
    blocks = [np.arange(i, min(i + _BLOCK, cells)) for i in range(0, cells, _BLOCK)]
    expressed = sum(np.bincount(read(b).gene, minlength=n_genes) for b in blocks) / cells
    weight = np.log(1 / np.maximum(expressed, 1 / cells))  # (genes,); 0 for a gene that all cells express
    rows = np.sort(np.random.default_rng(seed).permutation(cells)[:_FITTED])
    sample = _unit_rows(read(rows), weight)
    width = min(_COMPONENTS, *(np.array(sample.shape) - 1))
    components = PCA(width, svd_solver="arpack", random_state=seed).fit(sample)
    found = KMeans(n, n_init=3, random_state=seed).fit(components.transform(sample))
    parts = [found.predict(components.transform(_unit_rows(read(b), weight))) for b in blocks]
    return np.concatenate(parts).astype(np.int64)


def _unit_rows(counts: Counts, weight: np.ndarray) -> csr_array:
    """Weighted log1p of counts per 10,000, (cells, genes); each cell has length 1."""
    shape = (len(counts.total), len(weight))
    x = csr_array((counts.count.astype(np.float32), counts.gene, counts.offsets), shape=shape)
    y = csr_array(diags_array(_SCALE / np.maximum(counts.total, 1.0)) @ x)
    y = csr_array(y.log1p() @ diags_array(weight))
    length = np.sqrt(y.multiply(y).sum(1))
    return csr_array(diags_array(1 / np.maximum(length, np.finfo(np.float64).tiny)) @ y)
