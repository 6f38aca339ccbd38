"""Average precision."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from scellm.bm.metrics._auroc import mean_over_types
from scellm.bm.metrics._base import PROBABILITIES, Metric


class AveragePrecision(Metric):
    """Mean over types of the average precision of that type; for a rare type, chance is its share of the cells."""

    name = "average_precision"
    needs = PROBABILITIES

    def __call__(self, y_true: np.ndarray, y_pred: Any, weight: np.ndarray | None = None) -> float:
        """From 0 to 1."""
        return mean_over_types(average_precision_score, y_true, y_pred, weight)
