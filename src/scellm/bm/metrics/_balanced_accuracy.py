"""Balanced accuracy."""

from __future__ import annotations

import numpy as np

from scellm.bm.metrics._confusion import ConfusionMetric


class BalancedAccuracy(ConfusionMetric):
    """Mean over the true types of the share of their cells that are right (scikit-learn's is the same)."""

    name = "balanced_accuracy"

    def of_table(self, table: np.ndarray) -> float:
        """From 0 to 1."""
        true = table.sum(1)
        there = true > 0
        return float((np.diag(table)[there] / true[there]).mean())
