"""The table of true and predicted types, and metrics that are functions of it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import pandas as pd

from scellm.bm.metrics._base import LABELS, Metric


class ConfusionMetric(Metric):
    """A metric of labels that is a function of the confusion table."""

    needs = LABELS

    def __call__(self, y_true: np.ndarray, y_pred: Any, weight: np.ndarray | None = None) -> float:
        """Score of predicted types."""
        codes, names = pd.factorize(np.concatenate([y_true, y_pred]))
        return self.of_table(confusion(codes[: len(y_true)], codes[len(y_true) :], len(names), weight))

    @abstractmethod
    def of_table(self, table: np.ndarray) -> float:
        """Score of a confusion table, (true types, predicted types)."""


def confusion(y_true: np.ndarray, y_pred: np.ndarray, n_types: int, weight: np.ndarray | None = None) -> np.ndarray:
    """Count cells by true and predicted type.

    Parameters
    ----------
    y_true, y_pred
        Codes, int, (cells,).
    n_types
        Number of codes.
    weight
        How often each cell counts, (cells,).

    Returns
    -------
    numpy.ndarray
        float64, (true types, predicted types).
    """
    table = np.bincount(y_true * n_types + y_pred, weight, n_types * n_types)
    return table.astype(float).reshape(n_types, n_types)
