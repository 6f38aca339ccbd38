"""Principal components, the simple embedding that learned ones are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData
from sklearn.decomposition import PCA

from scellm.baselines._feature_classifier import FeatureClassifier
from scellm.baselines._global_scaler import GlobalScaler
from scellm.baselines._log_expression import log_expression


class PCALogisticRegression(FeatureClassifier):
    """Logistic regression on the principal components of `log1p` of counts per 10,000.

    The components are fitted on all cells of the data, labelled or not, and keep their relative variances
    (:class:`scellm.baselines.GlobalScaler`).

    Parameters
    ----------
    n_components
        Number of components; fewer if there are fewer cells.
    estimator
        A scikit-learn classifier to use instead.
    C, max_iter
        Inverse strength of the L2 penalty, and iterations of L-BFGS.

    Examples
    --------
    >>> baseline = scellm.baselines.PCALogisticRegression(10).fit(adata, "cell_type", indices=range(30))
    >>> types = baseline.predict(adata, indices=range(30, 60))
    """

    def __init__(self, n_components: int = 50, estimator: Any = None, *, C: float = 1.0, max_iter: int = 1000) -> None:
        super().__init__(GlobalScaler(), estimator, C=C, max_iter=max_iter)
        self.n_components = n_components

    def prepare_features(self, adata: AnnData) -> None:
        """Fit the components; the matrix stays sparse."""
        self.pca = fit_components(adata, self.n_components)

    def features(self, adata: AnnData, rows: np.ndarray) -> np.ndarray:
        """Components of the cells, (cells, n_components)."""
        return self.pca.transform(log_expression(adata, rows))


def fit_components(adata: AnnData, n_components: int) -> PCA:
    """Fit principal components of the log expression of all cells; fewer if there are fewer cells."""
    x = log_expression(adata, np.arange(adata.n_obs))
    return PCA(min(n_components, min(x.shape) - 1), svd_solver="arpack", random_state=0).fit(x)
