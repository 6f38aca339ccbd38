"""Features of one data set: principal components of its log expression, beside the embedding."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from scellm.baselines._log_expression import log_expression
from scellm.baselines._pca import fit_components

N_COMPONENTS = 50


def expression_components(adata: AnnData) -> np.ndarray:
    """Principal components of the log expression of all cells, float32, (cells, components); no label is read."""
    rows = np.arange(adata.n_obs)
    return fit_components(adata, N_COMPONENTS).transform(log_expression(adata, rows)).astype(np.float32)


def joined_features(
    embedding: np.ndarray, components: np.ndarray | AnnData, spread: tuple[np.ndarray, np.ndarray] | None = None
) -> np.ndarray:
    """Embedding and components side by side, each centred and divided by one number, so that both vary alike.

    Parameters
    ----------
    embedding
        Cell embeddings, float32, (cells, d).
    components
        Components of the same cells, float32, (cells, components); or the cells themselves.
    spread
        Embeddings and components that centre and scale are measured on; by default these.

    Returns
    -------
    numpy.ndarray
        float32, (cells, d + components); each part has a total variance of `d`.
    """
    if isinstance(components, AnnData):
        components = expression_components(components)
    measured = (embedding, components) if spread is None else spread
    width = embedding.shape[1]
    parts = []
    for x, own in zip((embedding, components), measured, strict=True):
        total = float(own.var(0, dtype=np.float64).sum())
        scale = np.sqrt(width / total) if total > 0 else 1.0
        parts.append(((x - own.mean(0, dtype=np.float64)) * scale).astype(np.float32))
    return np.ascontiguousarray(np.hstack(parts))
