"""The most frequent type, the score that any method must beat."""

from __future__ import annotations

import numpy as np
from anndata import AnnData
from sklearn.dummy import DummyClassifier

from scellm.baselines._feature_classifier import FeatureClassifier


class MajorityType(FeatureClassifier):
    """Every cell gets the type that most labelled cells have; its probabilities are the shares of the types.

    Examples
    --------
    >>> baseline = scellm.baselines.MajorityType().fit(adata, "cell_type", indices=range(30))
    >>> types = baseline.predict(adata, indices=range(30, 60))
    """

    def __init__(self) -> None:
        super().__init__(estimator=DummyClassifier(strategy="prior"))

    def features(self, adata: AnnData, rows: np.ndarray) -> np.ndarray:
        """A column of zeros: nothing is read."""
        return np.zeros((len(rows), 1))
