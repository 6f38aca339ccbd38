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

from scellm._inputs import cell_positions, require_anndata
from scellm._labels import NO_LABEL, Labels


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

    def prepare_with_labels(self, adata: AnnData, rows: np.ndarray, types: np.ndarray) -> None:  # noqa: B027 - a hook
        """Fit a transformation of the features on labelled cells and their types; by default there is none."""

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
            Column of `obs` with the types; cells without one are left out.
        indices
            Cells whose types may be used; by default all.

        Returns
        -------
        FeatureClassifier
            Itself.

        Raises
        ------
        ValueError
            If fewer than two types are among the labelled cells.
        """
        require_anndata(adata, f"{type(self).__name__}.fit")
        rows, types = labelled(adata, labels_key, indices)
        self.prepare_features(adata)
        self.prepare_with_labels(adata, rows, types)
        self.model.fit(self.features(adata, rows), types)
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
    return cell_positions(indices, adata.obs_names)


def labelled(
    adata: AnnData, labels_key: str, indices: Sequence[int] | np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """The labelled cells among some, as indices, and their types; raises ValueError at fewer than two types."""
    names, rows = Labels.of(adata.obs, labels_key).names, _rows(adata, indices)
    rows = rows[names[rows] != NO_LABEL]
    types = names[rows].astype(str)
    if len(np.unique(types)) < 2:
        msg = f"obs[{labels_key!r}] holds fewer than two types among the {len(rows):,} labelled cells given."
        raise ValueError(msg)
    return rows, types
