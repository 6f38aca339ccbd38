"""Pearson correlation."""

from __future__ import annotations

from typing import Any

import numpy as np

from scellm.bm.metrics._base import NUMBERS, Metric


class Pearson(Metric):
    """Correlation of true and predicted numbers; NaN if one of them is constant."""

    name = "pearson"
    needs = NUMBERS

    def __call__(self, y_true: np.ndarray, y_pred: Any, weight: np.ndarray | None = None) -> float:
        """From -1 to 1."""
        w = np.ones(len(y_true)) if weight is None else weight
        a, b = (v - np.average(v, weights=w) for v in (y_true.astype(float), np.asarray(y_pred, dtype=float)))
        scale = np.sqrt(np.average(a * a, weights=w) * np.average(b * b, weights=w))
        return float(np.average(a * b, weights=w) / scale) if scale > 0 else float("nan")
