"""Bins computed with the plain formula, on dense arrays."""

import anndata as ad
import numpy as np
import scipy.sparse as sp


def oracle(counts: np.ndarray, ids: np.ndarray, totals: np.ndarray | None = None) -> np.ndarray:
    """Bin + 1 computed with the plain formula, (cells, vocabulary)."""
    merged = np.zeros((len(counts), 19225))
    for j in np.flatnonzero(ids >= 0):
        merged[:, ids[j]] += counts[:, j]
    totals = counts.sum(1) if totals is None else totals
    value = np.log1p(merged * 1e4 / np.maximum(totals, 1)[:, None])
    return np.where(merged > 0, np.clip(np.floor(value), 0, 5) + 1, 0)


def spread(adata: ad.AnnData) -> np.ndarray:
    """The binned layer as a dense array, (cells, vocabulary)."""
    ids = adata.var["celllm_gene"].to_numpy()
    out = np.zeros((adata.n_obs, 19225))
    layer = adata.layers["celllm_bins"].toarray()
    for j in np.flatnonzero(ids >= 0):
        out[:, ids[j]] += layer[:, j]
    return out


def report(adata):
    """The report of prepare, as it is stored."""
    return adata.uns["celllm"]["prepare"]


def by_vocabulary(adata: ad.AnnData) -> sp.csr_matrix:
    """The stored bins, from wherever they are, (cells, vocabulary)."""
    if "celllm_bins" in adata.obsm:
        return adata.obsm["celllm_bins"]
    layer, gene = adata.layers["celllm_bins"].tocoo(), adata.var["celllm_gene"].to_numpy()
    return sp.csr_matrix((layer.data, (layer.row, gene[layer.col])), shape=(adata.n_obs, 19225))
