"""Ranks of genes within a cell, the genes that differ between types, principal components, a linear classifier."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest, f_classif

from scellm.baselines._feature_classifier import FeatureClassifier
from scellm.baselines._global_scaler import GlobalScaler
from scellm.baselines._log_expression import log_expression


class RankLogisticRegression(FeatureClassifier):
    """Logistic regression on principal components of the normal scores of ranks of the genes that differ most.

    A pipeline without any learned parameter of expression, after Souza and Mehta (arXiv:2602.16696): ranks within a
    cell do not depend on its depth or on a monotone transformation. Genes are chosen by analysis of variance among the
    labelled cells; components are fitted on all cells.

    Parameters
    ----------
    n_genes
        Number of genes.
    n_components
        Number of components; fewer if there are fewer cells.
    C, max_iter
        Inverse strength of the L2 penalty, and iterations of L-BFGS.

    Examples
    --------
    >>> baseline = scellm.baselines.RankLogisticRegression(100, 10).fit(adata, "cell_type", indices=range(30))
    >>> types = baseline.predict(adata, indices=range(30, 60))
    """

    def __init__(self, n_genes: int = 2000, n_components: int = 50, *, C: float = 1.0, max_iter: int = 1000) -> None:
        super().__init__(GlobalScaler(), C=C, max_iter=max_iter)
        self.n_genes, self.n_components = n_genes, n_components

    def prepare_with_labels(self, adata: AnnData, rows: np.ndarray, types: np.ndarray) -> None:
        """Choose genes on the labelled cells, and fit components on all cells; the matrix stays sparse."""
        x = rank_scores(log_expression(adata, np.arange(adata.n_obs)))
        expressed = np.flatnonzero(np.diff(x[rows].tocsc().indptr))  # others have no variance to analyse
        chosen = SelectKBest(f_classif, k=min(self.n_genes, len(expressed))).fit(x[rows][:, expressed], types)
        self.genes = expressed[chosen.get_support(indices=True)]
        n = min(self.n_components, adata.n_obs - 1, len(self.genes) - 1)
        self.pca = PCA(n, svd_solver="arpack", random_state=0).fit(x[:, self.genes])

    def features(self, adata: AnnData, rows: np.ndarray) -> np.ndarray:
        """Components of the cells, (cells, n_components)."""
        return self.pca.transform(rank_scores(log_expression(adata, rows))[:, self.genes])


def rank_scores(x: sp.csr_matrix) -> sp.csr_matrix:
    """Normal scores of the ranks of genes within each cell, minus that of the genes that are not expressed.

    Equal values share their mean rank, zeros too, so that the score of a gene that is not expressed is 0 and the matrix
    stays sparse.

    Parameters
    ----------
    x
        Cells by genes, not negative.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32, of the same shape.
    """
    n, genes = x.shape
    expressed = np.diff(x.indptr)  # (cells,)
    cell = np.repeat(np.arange(n), expressed)
    zeros = genes - expressed
    rank = pd.Series(x.data).groupby(cell).rank().to_numpy() + zeros[cell]  # (non-zeros,)
    score = lambda r: norm.ppf(r / (genes + 1))
    base = score(np.maximum((zeros + 1) / 2, 0.5))  # (cells,)
    return sp.csr_matrix(((score(rank) - base[cell]).astype(np.float32), x.indices, x.indptr), shape=x.shape)
