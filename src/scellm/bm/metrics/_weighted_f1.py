"""Weighted F1."""

from __future__ import annotations

import numpy as np

from scellm.bm.metrics._confusion import ConfusionMetric


class WeightedF1(ConfusionMetric):
    """Mean F1 over the true types, each weighted by its number of cells (scikit-learn's `f1_score`)."""

    name = "weighted_f1"

    def of_table(self, table: np.ndarray) -> float:
        """From 0 to 1."""
        true, predicted, right = table.sum(1), table.sum(0), np.diag(table)
        f1 = 2 * right / np.maximum(true + predicted, 1e-300)
        return float(np.average(f1, weights=true))
