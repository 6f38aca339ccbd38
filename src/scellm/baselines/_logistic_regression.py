"""Logistic regression on log-normalised expression."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData
from sklearn.preprocessing import MaxAbsScaler

from scellm.baselines._feature_classifier import FeatureClassifier
from scellm.baselines._log_expression import log_expression


class LogisticRegression(FeatureClassifier):
    """Multinomial logistic regression on `log1p` of counts per 10,000, each gene divided by its largest value.

    It is a strong baseline for cell language models (Boiarsky et al. 2024): report it beside every score.

    Parameters
    ----------
    estimator
        A scikit-learn classifier to use instead.
    C, max_iter
        Inverse strength of the L2 penalty, and iterations of L-BFGS.

    Examples
    --------
    >>> baseline = scellm.baselines.LogisticRegression().fit(adata, "cell_type", indices=range(30))
    >>> types = baseline.predict(adata, indices=range(30, 60))
    """

    def __init__(self, estimator: Any = None, *, C: float = 1.0, max_iter: int = 1000) -> None:
        super().__init__(MaxAbsScaler(), estimator, C=C, max_iter=max_iter)

    def features(self, adata: AnnData, rows: np.ndarray) -> Any:
        """Log expression of the cells, sparse, on the vocabulary."""
        return log_expression(adata, rows)
