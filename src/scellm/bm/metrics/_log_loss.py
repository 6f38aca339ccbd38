"""Log loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from scellm.bm.metrics._base import PROBABILITIES, Metric

_LEAST = 1e-15


class LogLoss(Metric):
    """Mean negative log probability of the true type (scikit-learn's `log_loss`); 1e-15 for types without a column."""

    name = "log_loss"
    needs = PROBABILITIES
    higher_is_better = False

    def __call__(self, y_true: np.ndarray, y_pred: Any, weight: np.ndarray | None = None) -> float:
        """0 or larger."""
        column = y_pred.columns.get_indexer(y_true)
        table = np.clip(y_pred.to_numpy(dtype=float), _LEAST, 1)
        table = table / table.sum(1, keepdims=True)
        p = np.where(column >= 0, table[np.arange(len(column)), column], _LEAST)
        return float(np.average(-np.log(p), weights=weight))
