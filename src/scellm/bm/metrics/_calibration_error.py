"""Calibration error."""

from __future__ import annotations

from typing import Any

import numpy as np

from scellm.bm.metrics._base import PROBABILITIES, Metric

_BINS = 15


class CalibrationError(Metric):
    """How far confidence is from accuracy, in 15 bins of confidence (Guo et al. 2017, arXiv:1706.04599).

    Cells are put into bins of equal width by the probability of the predicted type. The error is the mean over cells of
    the difference between the mean confidence and the accuracy of their bin.
    """

    name = "calibration_error"
    needs = PROBABILITIES
    higher_is_better = False

    def __call__(self, y_true: np.ndarray, y_pred: Any, weight: np.ndarray | None = None) -> float:
        """From 0 to 1."""
        p = y_pred.to_numpy(dtype=float)
        best = p.argmax(1)
        weight = np.ones(len(p)) if weight is None else np.asarray(weight, dtype=float)
        gap = p[np.arange(len(p)), best] - (y_pred.columns.to_numpy()[best] == y_true)
        bins = np.minimum((p.max(1) * _BINS).astype(int), _BINS - 1)
        return float(np.abs(np.bincount(bins, gap * weight)).sum() / weight.sum())
