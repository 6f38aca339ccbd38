"""The simple embedding that every learned one is compared with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from anndata import AnnData
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scellm.baselines._logistic_regression import log_expression


class PCALogisticRegression:
    """Logistic regression on the principal components of `log1p` of counts per 10,000, fitted on all cells of the data, labelled or not.

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
        self.n_components = n_components
        self.model = make_pipeline(StandardScaler(), SklearnLogisticRegression(C=C, max_iter=max_iter))

    def fit(
        self, adata: AnnData, labels_key: str, *, indices: Sequence[int] | np.ndarray | None = None
    ) -> PCALogisticRegression:
        """Fit the components on all cells and the types on the labelled ones.

        Parameters
        ----------
        adata
            Cells by genes, in any form that :func:`scellm.pp.prepare` reads.
        labels_key
            Column of `obs` with the types.
        indices
            Cells whose types may be used; by default all.

        Returns
        -------
        PCALogisticRegression
            Itself.
        """
        rows = np.arange(adata.n_obs) if indices is None else np.asarray(indices)
        x = log_expression(adata, np.arange(adata.n_obs))
        self.pca = PCA(
            min(self.n_components, min(x.shape) - 1), svd_solver="arpack", random_state=0
        )  # sparse throughout
        self.model.fit(self.pca.fit_transform(x)[rows], adata.obs[labels_key].astype(str).to_numpy()[rows])
        return self

    def predict(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Types of cells, by name, (n,)."""
        rows = np.arange(adata.n_obs) if indices is None else np.asarray(indices)
        return self.model.predict(self.pca.transform(log_expression(adata, rows)))
