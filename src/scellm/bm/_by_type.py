"""Scores of each type."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from scellm.bm._results import Y_TRUE, Results


def by_type(results: Results) -> pd.DataFrame:
    """Precision, recall and F1 of each type, the mean over seeds (scikit-learn).

    Parameters
    ----------
    results
        Output of :func:`run`, of tasks of types.

    Returns
    -------
    pandas.DataFrame
        One row per task, method and type: `cells` (tested, the mean over seeds), `precision`, `recall`, `f1`. A type
        that a method never predicts has precision 0.

    Raises
    ------
    ValueError
        If a task is one of numbers.

    Examples
    --------
    >>> task = scellm.bm.Task("blood", adata, "cell_type", scellm.bm.FewLabels(5))
    >>> results = scellm.bm.run([task], {"majority": scellm.baselines.MajorityType}, seeds=1)
    >>> table = scellm.bm.by_type(results)
    """
    parts = [
        _scores(task, method, answers[Y_TRUE], answers[method])
        for (task, _seed), answers in results.predictions.items()
        for method in answers
        if method != Y_TRUE
    ]
    return pd.concat(parts).groupby(["task", "method", "type"], sort=False).mean().reset_index()


def _scores(task: str, method: str, y_true: np.ndarray, y_pred: np.ndarray) -> pd.DataFrame:
    """The scores of one method for one seed."""
    if y_true.dtype.kind == "f":
        msg = f"Task {task!r} is one of numbers: it has no types."
        raise ValueError(msg)
    types = np.unique(y_true)
    found = precision_recall_fscore_support(y_true, y_pred, labels=types, zero_division=0)
    columns = dict(zip(("precision", "recall", "f1", "cells"), found, strict=True))
    table = pd.DataFrame({"task": task, "method": method, "type": types, **columns})
    return table[["task", "method", "type", "cells", "precision", "recall", "f1"]]
