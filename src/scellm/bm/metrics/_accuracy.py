"""Accuracy."""

from __future__ import annotations

import numpy as np

from scellm.bm.metrics._confusion import ConfusionMetric


class Accuracy(ConfusionMetric):
    """Share of cells whose predicted type is the true one."""

    name = "accuracy"

    def of_table(self, table: np.ndarray) -> float:
        """From 0 to 1."""
        return float(np.trace(table) / table.sum())
