"""A classifier on a frozen embedding, which measures the information in the embedding."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData

from scellm.baselines._feature_classifier import FeatureClassifier
from scellm.baselines._global_scaler import GlobalScaler


class EmbeddingLogisticRegression(FeatureClassifier):
    """Logistic regression on a slot of `obsm`, columns centred and divided by one number.

    Parameters
    ----------
    use_rep
        Name of the slot, such as the one that :func:`scellm.tl.embed` writes. A missing slot raises KeyError.
    estimator
        A scikit-learn classifier to use instead.
    C, max_iter
        Inverse strength of the L2 penalty, and iterations of L-BFGS.

    Examples
    --------
    >>> scellm.tl.embed(adata, model)
    >>> probe = scellm.baselines.EmbeddingLogisticRegression("X_celllm").fit(adata, "cell_type", indices=range(30))
    """

    def __init__(self, use_rep: str, estimator: Any = None, *, C: float = 1.0, max_iter: int = 1000) -> None:
        super().__init__(GlobalScaler(), estimator, C=C, max_iter=max_iter)
        self.use_rep = use_rep

    def features(self, adata: AnnData, rows: np.ndarray) -> np.ndarray:
        """Rows of the slot."""
        if self.use_rep not in adata.obsm:
            msg = (
                f"use_rep={self.use_rep!r} is not in adata.obsm, which holds {list(adata.obsm)}. Run "
                "scellm.tl.embed(adata, model) first."
            )
            raise KeyError(msg)
        return np.asarray(adata.obsm[self.use_rep])[rows]
