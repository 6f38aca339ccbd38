"""Shared base of the simple baselines: scaled features of cells and a scikit-learn classifier."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


class FeatureClassifier(ABC):
    """A scikit-learn classifier on features that a subclass computes from an AnnData.

    Parameters
    ----------
    scaler
        Transformer of the features; `None` for none.
    estimator
        Classifier with `fit` and `predict`, which is cloned; by default multinomial logistic regression with an L2
        penalty.
    C, max_iter
        Inverse strength of the penalty, and iterations of L-BFGS, of the default classifier.
    """

    def __init__(self, scaler: Any = None, estimator: Any = None, *, C: float = 1.0, max_iter: int = 1000) -> None:
        estimator = LogisticRegression(C=C, max_iter=max_iter) if estimator is None else clone(estimator)
        self.model = make_pipeline(*([] if scaler is None else [scaler]), estimator)

    def prepare_features(self, adata: AnnData) -> None:  # noqa: B027 - a hook, optional on purpose
        """Fit a transformation of the features, without labels; by default there is none."""

    @abstractmethod
    def features(self, adata: AnnData, rows: np.ndarray) -> Any:
        """Features of some cells, (cells, features)."""

    def fit(self, adata: AnnData, labels_key: str, *, indices: Sequence[int] | np.ndarray | None = None) -> Self:
        """Fit on labelled cells.

        Parameters
        ----------
        adata
            Cells by genes.
        labels_key
            Column of `obs` with the types.
        indices
            Cells whose types may be used; by default all.

        Returns
        -------
        FeatureClassifier
            Itself.
        """
        rows = _rows(adata, indices)
        self.prepare_features(adata)
        self.model.fit(self.features(adata, rows), adata.obs[labels_key].astype(str).to_numpy()[rows])
        return self

    def predict(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Predicted cell types, (n,)."""
        return self.model.predict(self.features(adata, _rows(adata, indices)))

    def predict_proba(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> pd.DataFrame:
        """Probabilities of the types, (n, types); only if the classifier has `predict_proba`."""
        rows = _rows(adata, indices)
        found = self.model.predict_proba(self.features(adata, rows))
        return pd.DataFrame(found, index=adata.obs_names[rows], columns=self.model.classes_)


def _rows(adata: AnnData, indices: Sequence[int] | np.ndarray | None) -> np.ndarray:
    return np.arange(adata.n_obs) if indices is None else np.asarray(indices)
