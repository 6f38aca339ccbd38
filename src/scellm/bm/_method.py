"""The interface of a method."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from anndata import AnnData


class Method(Protocol):
    """A method learns from some cells of an AnnData and predicts others, such as the classes of `scellm.baselines`.

    For metrics of probabilities it also has `predict_proba`, which takes the arguments of `predict` and returns a
    DataFrame, cells by types.
    """

    def fit(self, adata: AnnData, labels_key: str, *, indices: np.ndarray) -> Any:
        """Learn from the cells `indices`; other cells may be used, but their labels are hidden."""

    def predict(self, adata: AnnData, *, indices: np.ndarray) -> np.ndarray:
        """Predicted types or numbers, (n,)."""
