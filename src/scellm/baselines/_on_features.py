"""What the simple contenders share: numbers of cells, scaled, and logistic regression on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from anndata import AnnData
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


class OnFeatures:
    """Multinomial logistic regression on features that a subclass takes from an AnnData.

    Parameters
    ----------
    scaler
        Of the features.
    C
        Inverse strength of the L2 penalty.
    max_iter
        Iterations of L-BFGS.
    """

    def __init__(self, scaler: Any, C: float, max_iter: int) -> None:
        self.model = make_pipeline(scaler, LogisticRegression(C=C, max_iter=max_iter))

    def prepare_features(self, adata: AnnData) -> None:
        """Learn how to take features from the data, without labels; by default there is nothing to learn."""

    def features(self, adata: AnnData, rows: np.ndarray) -> Any:
        """Features of some cells, (rows, features)."""
        raise NotImplementedError

    def fit(self, adata: AnnData, labels_key: str, *, indices: Sequence[int] | np.ndarray | None = None) -> Self:
        """Learn types from labelled cells.

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
        OnFeatures
            Itself.
        """
        rows = np.arange(adata.n_obs) if indices is None else np.asarray(indices)
        self.prepare_features(adata)
        self.model.fit(self.features(adata, rows), adata.obs[labels_key].astype(str).to_numpy()[rows])
        return self

    def predict(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Types of cells, by name, (n,)."""
        rows = np.arange(adata.n_obs) if indices is None else np.asarray(indices)
        return self.model.predict(self.features(adata, rows))
