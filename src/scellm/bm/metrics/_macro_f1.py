"""Macro-F1."""

from __future__ import annotations

import numpy as np

from scellm.bm.metrics._confusion import ConfusionMetric


class MacroF1(ConfusionMetric):
    """Mean F1 over the types that occur among the true ones (scikit-learn's `f1_score` with those as `labels`)."""

    name = "macro_f1"

    def of_table(self, table: np.ndarray) -> float:
        """From 0 to 1."""
        true, predicted, right = table.sum(1), table.sum(0), np.diag(table)
        there = true > 0
        return float((2 * right[there] / (true + predicted)[there]).mean())
