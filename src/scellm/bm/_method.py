"""What a method is."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from anndata import AnnData


class Method(Protocol):
    """Anything that learns from some cells of an AnnData and predicts others, such as a baseline.

    For metrics of probabilities it has `predict_proba` too, with the arguments of `predict`, which returns a DataFrame,
    cells by types.
    """

    def fit(self, adata: AnnData, labels_key: str, *, indices: np.ndarray) -> Any:
        """Learn from `indices`; other cells may be used, but their labels are hidden."""

    def predict(self, adata: AnnData, *, indices: np.ndarray) -> np.ndarray:
        """Names of types, or numbers, (n,)."""
