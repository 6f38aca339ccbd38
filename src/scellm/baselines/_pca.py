"""The simple embedding that every learned one is compared with."""

from __future__ import annotations

import numpy as np
from anndata import AnnData
from sklearn.decomposition import PCA

from scellm.baselines._logistic_regression import log_expression
from scellm.baselines._on_features import OnFeatures
from scellm.baselines._one_scale import OneScale


class PCALogisticRegression(OnFeatures):
    """Logistic regression on the principal components of `log1p` of counts per 10,000, fitted on all cells of the data, labelled or not.

    The components keep their spread (:class:`scellm.baselines.OneScale`).

    Parameters
    ----------
    n_components
        Components; fewer where there are fewer cells.
    C
        Inverse strength of the L2 penalty.
    max_iter
        Iterations of L-BFGS.

    Examples
    --------
    >>> floor = scellm.baselines.PCALogisticRegression().fit(adata, "cell_type", indices=train)
    >>> floor.predict(adata, indices=test)
    """

    def __init__(self, n_components: int = 50, C: float = 1.0, max_iter: int = 1000) -> None:
        super().__init__(OneScale(), C, max_iter)
        self.n_components = n_components

    def prepare_features(self, adata: AnnData) -> None:
        """Fit the components; the matrix stays sparse."""
        x = log_expression(adata, np.arange(adata.n_obs))
        self.pca = PCA(min(self.n_components, min(x.shape) - 1), svd_solver="arpack", random_state=0).fit(x)

    def features(self, adata: AnnData, rows: np.ndarray) -> np.ndarray:
        """Components of the cells, (rows, n_components)."""
        return self.pca.transform(log_expression(adata, rows))
