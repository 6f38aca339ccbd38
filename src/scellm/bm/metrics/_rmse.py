"""Root mean squared error."""

from __future__ import annotations

from typing import Any

import numpy as np

from scellm.bm.metrics._base import NUMBERS, Metric


class RMSE(Metric):
    """Root of the mean squared difference of true and predicted numbers, in their unit."""

    name = "rmse"
    needs = NUMBERS
    higher_is_better = False

    def __call__(self, y_true: np.ndarray, y_pred: Any, weight: np.ndarray | None = None) -> float:
        """0 or larger."""
        squared = (y_true.astype(float) - np.asarray(y_pred, dtype=float)) ** 2
        return float(np.sqrt(np.average(squared, weights=weight)))
