"""Area under the receiver operating characteristic."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from scellm.bm.metrics._base import PROBABILITIES, Metric


class AUROC(Metric):
    """Mean over types of the area under the curve of that type against the others; NaN if there is one type only."""

    name = "auroc"
    needs = PROBABILITIES

    def __call__(self, y_true: np.ndarray, y_pred: Any, weight: np.ndarray | None = None) -> float:
        """From 0 to 1; 0.5 is chance."""
        return mean_over_types(roc_auc_score, y_true, y_pred, weight)


def mean_over_types(score: Any, y_true: np.ndarray, y_pred: Any, weight: np.ndarray | None) -> float:
    """Mean over types that are there of a score of one type against the others."""
    there = np.ones(len(y_true), bool) if weight is None else np.asarray(weight) > 0
    types = [t for t in y_pred.columns if 0 < (y_true[there] == t).sum() < there.sum()]
    w = None if weight is None else np.asarray(weight)[there]
    found = [score(y_true[there] == t, y_pred[t].to_numpy()[there], sample_weight=w) for t in types]
    return float(np.mean(found)) if found else float("nan")
