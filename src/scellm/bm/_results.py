"""The results of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

Y_TRUE = "y_true"

Key = tuple[str, int]
"""Name of a task, and a seed."""


@dataclass(frozen=True)
class Results:
    """Scores and predictions of every method.

    Parameters
    ----------
    table
        Tidy: `task`, `method`, `seed`, `metric`, `value`, one row per score; and `seconds`, for fitting and predicting.
    predictions
        For each task and seed, the true types (or numbers) under "y_true", and the predictions of each method, (cells,)
        each.
    test_indices
        For each task and seed, the indices of the test cells in their data set, (cells,).
    probabilities
        For each task and seed, the probabilities of each method, cells by types; only if a metric needs them.
    """

    table: pd.DataFrame
    predictions: dict[Key, dict[str, np.ndarray]]
    test_indices: dict[Key, np.ndarray]
    probabilities: dict[Key, dict[str, Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        n = self.table[["task", "method", "seed"]].nunique()
        return (
            f"Results: {n['task']} tasks, {n['method']} methods, {n['seed']} seeds. scellm.bm.summary(results) "
            "computes means, intervals and verdicts."
        )
