"""Smoothing: what a cell shares with the cells that resemble it."""

from __future__ import annotations

from numbers import Integral

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.sparse import csr_matrix
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

_COMPONENTS = 50  # cells are compared on these: exact neighbours in 2,048 dimensions would take forty times as long


def check_smooth(adata: AnnData, smooth: int | str | None, *, clusters: bool) -> None:
    """Raise ValueError unless `smooth` is a number of neighbours, or, with `clusters`, a column with clusters.

    Parameters
    ----------
    adata
        Cells by genes.
    smooth
        The option.
    clusters
        Whether a column of `obs` is allowed.
    """
    if smooth is None:
        return
    if isinstance(smooth, str) and clusters:
        if smooth not in adata.obs:
            msg = (
                f"smooth={smooth!r} is no column of adata.obs, which holds {list(adata.obs.columns)[:12]}. Pass a "
                "column with clusters, such as 'leiden' after sc.tl.leiden(adata), or a number of neighbours."
            )
            raise ValueError(msg)
        return
    if not isinstance(smooth, Integral) or isinstance(smooth, bool) or smooth < 1:
        kinds = (
            "a number of neighbours (10 is usual), or a column of adata.obs with clusters"
            if clusters
            else ("a number of neighbours (10 is usual)")
        )
        msg = f"smooth={smooth!r} is not possible; expected {kinds}, or None."
        raise ValueError(msg)


def smoothed(values: np.ndarray, embedding: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Half a cell's own values, half the mean of those of its nearest cells.

    Parameters
    ----------
    values
        float32, (cells, columns).
    embedding
        What cells are compared by, float32, (cells, d): Euclidean distance in its first 50 principal components.
    n_neighbors
        Number of nearest cells; all others if there are fewer.

    Returns
    -------
    numpy.ndarray
        float32, (cells, columns).
    """
    n = len(embedding)
    k = min(int(n_neighbors), n - 1)
    if k < 1:
        return values
    x = embedding
    if min(x.shape) > _COMPONENTS:
        x = PCA(_COMPONENTS, svd_solver="covariance_eigh").fit_transform(x)
    nearest = NearestNeighbors(n_neighbors=k).fit(x).kneighbors(return_distance=False)  # (cells, k), without itself
    others = csr_matrix((np.full(n * k, 1 / k, np.float32), nearest.ravel(), np.arange(0, n * k + 1, k)), shape=(n, n))
    return np.ascontiguousarray((values + others @ values) / 2, dtype=np.float32)


def cluster_means(values: np.ndarray, clusters: pd.Series) -> np.ndarray:
    """The mean of each cell's cluster; a cell without cluster keeps its own values.

    Parameters
    ----------
    values
        float32, (cells, columns).
    clusters
        Cluster of each cell; missing for none.

    Returns
    -------
    numpy.ndarray
        float32, (cells, columns).
    """
    codes, _ = pd.factorize(clusters)
    inside = codes >= 0
    if not inside.any():
        return values
    n = np.bincount(codes[inside])
    member = csr_matrix((np.ones(inside.sum()), (codes[inside], np.flatnonzero(inside))), shape=(len(n), len(codes)))
    means = (member @ values.astype(np.float64)) / n[:, None]  # (clusters, columns)
    out = values.copy()
    out[inside] = means[codes[inside]]
    return out
