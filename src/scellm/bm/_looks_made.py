"""Whether the data of a task look made up, or their labels shuffled."""

from __future__ import annotations

import warnings

import numpy as np

from scellm.bm._results import Y_TRUE
from scellm.bm.metrics import METRICS

_FEW, _MANY_TYPES, _TOO_GOOD, _LEAST_CELLS = 5, 30, 0.98, 100
_ORDERS, _RARELY = 200, 0.02  # random orders, and the share of them that may be as good
_CLEARLY = 0.8  # a balanced accuracy that needs no comparison


def warn_if_made(task: str, train_types: np.ndarray, predictions: dict[str, np.ndarray]) -> None:
    """Warn if few labels suffice for many types, or no method is better than chance.

    Parameters
    ----------
    task
        Name of the task.
    train_types
        Types of the training cells, (cells,).
    predictions
        True types under "y_true", and what each method predicted, (cells,) each.

    Warns
    -----
    UserWarning
        If a macro-F1 above .98 was reached with more than 30 types and at most five labelled cells per type: counts
        that were drawn from a model, as those of some published test files, can be separated that well; real cells
        rarely can. Or if the balanced accuracy of every method is one that its predictions reach in a random order
        (at least 2 % of 200 orders). Fewer than 100 test cells never warn so, and methods that answer always the same
        are not looked at.
    """
    y_true = predictions[Y_TRUE]
    answers = {name: y for name, y in predictions.items() if name != Y_TRUE and len(np.unique(y)) > 1}
    if not answers:
        return
    _, labelled = np.unique(train_types.astype(str), return_counts=True)
    f1 = {name: METRICS["macro_f1"](y_true, y) for name, y in answers.items()}
    best = max(f1, key=lambda name: f1[name])
    if labelled.max() <= _FEW and len(labelled) > _MANY_TYPES and f1[best] > _TOO_GOOD:
        msg = (
            f"task {task!r}: {best!r} has a macro-F1 of {f1[best]:.3f} on {len(labelled)} types from {labelled.max()} "
            "labelled cells per type. Real cells are not that distinct: were these counts drawn from a model, or do "
            "copies of cells stand on both sides?"
        )
        warnings.warn(msg, UserWarning, stacklevel=3)
    types = len(np.unique(y_true))
    if len(y_true) < _LEAST_CELLS or types < 2 or any(_beats_guessing(y_true, y) for y in answers.values()):
        return
    accuracy = max(METRICS["balanced_accuracy"](y_true, y) for y in answers.values())
    msg = (
        f"task {task!r}: no method is better than guessing (balanced accuracy {accuracy:.3f} with {types} types). "
        "Do the labels belong to these cells, in this order?"
    )
    warnings.warn(msg, UserWarning, stacklevel=3)


def _beats_guessing(y_true: np.ndarray, y_pred: np.ndarray) -> bool:
    """Whether the balanced accuracy is above that of the same predictions for cells in another order."""
    score, rng = METRICS["balanced_accuracy"], np.random.default_rng(0)
    found = score(y_true, y_pred)
    if found > _CLEARLY:
        return True
    by_chance = np.array([score(y_true, rng.permutation(y_pred)) for _ in range(_ORDERS)])
    return bool((by_chance >= found).mean() < _RARELY)
