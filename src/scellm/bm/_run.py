"""Run every method on every task and seed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from tqdm.auto import tqdm

from scellm.bm._method import Method
from scellm.bm._results import Y_TRUE, Key, Results
from scellm.bm._task import Task
from scellm.bm.metrics import METRICS, NUMBERS, PROBABILITIES

_KEY = "_scellm_bm"

Make = Callable[[], Method]


def run(
    tasks: Sequence[Task],
    methods: Mapping[str, Make],
    *,
    seeds: int | Sequence[int] = 5,
    metrics: Sequence[str] | None = None,
) -> Results:
    """Train and test every method on every task, on the same cells. The data are not changed.

    Parameters
    ----------
    tasks
        The tasks.
    methods
        Name of each method, and a function that makes it, such as a class of `scellm.baselines`.
    seeds
        Seeds of the splits, or their number.
    metrics
        Keys of `METRICS`; by default macro-F1 and accuracy for types, Pearson correlation and RMSE for numbers.

    Returns
    -------
    Results
        A tidy table of scores, and the predictions.

    Raises
    ------
    ValueError
        If names repeat, a method is called "y_true", a metric is unknown or does not fit a task, or a method returns a
        wrong number of predictions.
    """
    chosen = _metrics(tasks, metrics)
    _check_names(tasks, methods)
    seeds = range(seeds) if isinstance(seeds, int) else seeds
    rows: list[dict] = []
    results = Results(pd.DataFrame(), {}, {}, {})
    for task in tasks:
        copies = {id(a): _shallow_copy(a) for a in (task.adata, task.other) if a is not None}
        for seed in tqdm(seeds, desc=f"bm: {task.name}", disable=None):
            rows += _one(task, seed, methods, chosen, copies, results)
    table = pd.DataFrame(rows).melt(["task", "method", "seed", "seconds"], chosen, var_name="metric")
    table = table[["task", "method", "seed", "metric", "value", "seconds"]]
    return Results(table, results.predictions, results.test_indices, results.probabilities)


def _metrics(tasks: Sequence[Task], metrics: Sequence[str] | None) -> list[str]:
    numbers = {task.kind == NUMBERS for task in tasks}
    if len(numbers) > 1:
        msg = "Tasks of types and of numbers have different metrics: run them separately."
        raise ValueError(msg)
    by_default = ["pearson", "rmse"] if True in numbers else ["macro_f1", "accuracy"]
    chosen = by_default if metrics is None else list(metrics)
    unknown = [m for m in chosen if m not in METRICS]
    if unknown:
        msg = f"metrics={unknown} are not known; expected some of {list(METRICS)}."
        raise ValueError(msg)
    misfit = [m for m in chosen if (METRICS[m].needs == NUMBERS) != (True in numbers)]
    if misfit:
        kind = "numbers" if True in numbers else "types"
        msg = f"metrics={misfit} do not fit tasks of {kind}; expected metrics such as {by_default}."
        raise ValueError(msg)
    return chosen


def _check_names(tasks: Sequence[Task], methods: Mapping[str, Make]) -> None:
    names = [t.name for t in tasks]
    if len(set(names)) < len(names):
        msg = f"Task names must be unique; found {names}."
        raise ValueError(msg)
    if Y_TRUE in methods:
        msg = f"A method cannot be called {Y_TRUE!r}: that is the name of the true labels among the predictions."
        raise ValueError(msg)


def _shallow_copy(adata: AnnData) -> AnnData:
    """A second AnnData over the same matrices, whose `obs` and other slots can be written freely."""
    x = {} if adata.X is None else {"X": adata.X}
    slots = {k: dict(getattr(adata, k)) for k in ("obsm", "varm", "obsp", "varp")}
    layers = {k: v for k, v in adata.layers.items() if k is not None}  # anndata >= 0.13 lists X there too
    uns = {k: v for k, v in adata.uns.items() if not k.startswith("_scvi")}  # scvi-tools' identifiers of the first
    raw = adata.raw
    if raw is not None:
        slots["raw"] = {"X": raw.X, "var": raw.var, "varm": dict(raw.varm)}
    return AnnData(**x, obs=adata.obs.copy(), var=adata.var.copy(), layers=layers, uns=uns, **slots)


def _one(
    task: Task,
    seed: int,
    methods: Mapping[str, Make],
    metrics: Sequence[str],
    copies: Mapping[int, AnnData],
    results: Results,
) -> list[dict]:
    """Run all methods on one task and seed; fills the results, and returns a row of scores per method."""
    train, other, test = task.rows(seed)
    if not len(test):
        msg = f"task {task.name!r}: there is no test cell, as training and test data share no type. Pass rename=."
        raise ValueError(msg)
    overlap = np.intersect1d(train, test) if other is task.adata else np.zeros(0, int)
    if len(overlap):
        msg = (
            f"task {task.name!r}, seed {seed}: {len(overlap):,} cells are both learned from and tested. Pass a split "
            "whose two sides do not overlap, and as other= another data set."
        )
        raise ValueError(msg)
    shared, tested = copies[id(task.adata)], copies[id(other)]
    shared.obs[_KEY] = task.hidden(train).to_numpy() if task.kind == NUMBERS else task.hidden(train).array
    key: Key = (task.name, seed)
    results.test_indices[key] = test
    results.predictions[key] = {Y_TRUE: task.truth(other, test)}
    results.probabilities[key] = {}
    return [
        {"task": task.name, "method": name, "seed": seed}
        | _fit_and_score(name, make(), (shared, train), (tested, test), metrics, (results, key))
        for name, make in methods.items()
    ]


def _fit_and_score(
    name: str,
    method: Any,
    train: tuple[AnnData, np.ndarray],
    test: tuple[AnnData, np.ndarray],
    metrics: Sequence[str],
    into: tuple[Results, Key],
) -> dict[str, float]:
    results, key = into
    y_true = results.predictions[key][Y_TRUE]
    start = time.perf_counter()
    method.fit(train[0], _KEY, indices=train[1])
    y_pred = np.asarray(method.predict(test[0], indices=test[1]))
    if len(y_pred) != len(y_true):
        msg = f"{name!r} returned {len(y_pred):,} predictions for task {key[0]!r}; expected {len(y_true):,}."
        raise ValueError(msg)
    y_pred = y_pred.astype(float) if y_true.dtype.kind == "f" else y_pred.astype(str)
    table = None
    if any(METRICS[m].needs == PROBABILITIES for m in metrics):
        table = method.predict_proba(test[0], indices=test[1])
    seconds = time.perf_counter() - start
    results.predictions[key][name], results.probabilities[key][name] = y_pred, table
    scores = {m: METRICS[m](y_true, table if METRICS[m].needs == PROBABILITIES else y_pred) for m in metrics}
    return {"seconds": seconds, **scores}
