"""Run every method on every task and seed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import joblib
import numpy as np
import pandas as pd
from anndata import AnnData
from tqdm.auto import tqdm

from scellm._on_disk import on_disk
from scellm.bm._cache import Cache, Kept, fingerprint, key_of
from scellm.bm._checksum import checksum
from scellm.bm._looks_made import warn_if_made
from scellm.bm._method import Method
from scellm.bm._random_seed import random_seed, restore
from scellm.bm._results import Y_TRUE, Key, Results
from scellm.bm._same_cells import refuse_same_cells
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
    cache: str | os.PathLike | None = None,
    n_jobs: int = 1,
) -> Results:
    """Train and test every method on every task, on the same cells. The data are not changed.

    Labels of test cells are hidden from the methods. What is learned from and what is tested may not overlap: cells
    with the same name and the same values in both data sets of a task are refused too.

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
    cache
        Folder in which predictions are kept; a second call, or one after an interruption, computes only what is not
        there. Cells, labels, split, seed, versions, and the method must be the same: its code, the values that it has
        taken in, and what it names in its own file. Other files, such as code that it imports or weights, are not
        looked at: after a change there, take another folder.
    n_jobs
        Number of processes, each with a share of the cores and a copy of the data; seeds are divided among them. -1:
        one for each core. The scores are the same.

    Returns
    -------
    Results
        A tidy table of scores, and the predictions.

    Raises
    ------
    KeyError
        If a column of a task does not exist.
    ValueError
        If there is no task, method, seed or test cell; a seed or a name repeats, or a method is called "y_true"; tasks
        of types and of numbers are mixed; a metric is unknown or does not fit a task; a method returns a wrong number
        of predictions, changes X in place, or cannot be hashed for the cache; data for the cache are on disk; or cells
        are both learned from and tested.
    TypeError
        If a metric needs probabilities and a method has no `predict_proba`.

    Warns
    -----
    UserWarning
        If the data look made up or the labels shuffled.
    """
    chosen = _metrics(tasks, metrics)
    _check_names(tasks, methods)
    seeds = _seeds(seeds)
    run_ = _Run(dict(methods), any(METRICS[m].needs == PROBABILITIES for m in chosen), Cache(cache), random_seed())
    rows: list[dict] = []
    results = Results(pd.DataFrame(), {}, {}, {})
    for task in tasks:
        if task.other is not None and task.other is not task.adata:
            refuse_same_cells(task.name, task.adata, task.other)
        for done in _seeds_of(task, seeds, run_, n_jobs):
            results.test_indices[done.key], results.predictions[done.key] = done.test, done.predictions
            results.probabilities[done.key] = done.probabilities
            rows += _scores(done, chosen)
            if task.kind != NUMBERS:
                warn_if_made(task.name, done.train_types, done.predictions)
    table = pd.DataFrame(rows).melt(["task", "method", "seed", "seconds"], chosen, var_name="metric")
    table = table[["task", "method", "seed", "metric", "value", "seconds"]]
    return Results(table, results.predictions, results.test_indices, results.probabilities)


@dataclass(frozen=True)
class _Run:
    methods: dict[str, Make]
    needs_table: bool
    cache: Cache
    seed: int | None


@dataclass(frozen=True)
class _Done:
    """The answers of all methods to one task and seed."""

    key: Key
    test: np.ndarray
    train_types: np.ndarray
    predictions: dict[str, np.ndarray]
    probabilities: dict[str, Any]
    seconds: dict[str, float]


def _scores(done: _Done, metrics: Sequence[str]) -> list[dict]:
    """A row of scores for each method."""
    y_true, rows = done.predictions[Y_TRUE], []
    for name, seconds in done.seconds.items():
        given = {PROBABILITIES: done.probabilities[name]}
        row = {"task": done.key[0], "method": name, "seed": done.key[1], "seconds": seconds}
        answers = {m: given.get(METRICS[m].needs, done.predictions[name]) for m in metrics}
        rows.append(row | {m: METRICS[m](y_true, answers[m]) for m in metrics})
    return rows


def _seeds_of(task: Task, seeds: Sequence[int], run: _Run, n_jobs: int) -> Iterator[_Done]:
    """All seeds of a task, in order; in other processes if there are several jobs."""
    copies = _Copies.of(task, with_hash=run.cache.folder is not None or n_jobs != 1)
    if n_jobs == 1 or len(seeds) == 1:
        found: Iterator[_Done] = (_one(task, seed, run, copies) for seed in seeds)
    else:
        jobs = (joblib.delayed(_one)(task, seed, run, copies) for seed in seeds)
        found = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    yield from tqdm(found, desc=f"bm: {task.name}", total=len(seeds), disable=None)


def _seeds(seeds: Any) -> list[int]:
    """Seeds of the splits."""
    found = list(range(int(seeds))) if isinstance(seeds, Integral) else [int(s) for s in seeds]
    if not found or len(set(found)) < len(found):
        msg = f"seeds={seeds!r} is not possible; expected a number of at least 1, or different numbers."
        raise ValueError(msg)
    return found


def _metrics(tasks: Sequence[Task], metrics: Sequence[str] | None) -> list[str]:
    numbers = {task.kind == NUMBERS for task in tasks}
    if len(numbers) > 1:
        msg = "Tasks of types and of numbers have different metrics: run them separately."
        raise ValueError(msg)
    by_default = ["pearson", "rmse"] if True in numbers else ["macro_f1", "accuracy"]
    chosen = by_default if metrics is None else [metrics] if isinstance(metrics, str) else list(metrics)
    unknown = [m for m in chosen if m not in METRICS]
    if unknown or not chosen:
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
    if not names or not methods:
        msg = f"A run needs a task and a method at least; found {len(names)} tasks and {len(methods)} methods."
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


@dataclass(frozen=True)
class _Copies:
    """The data of a task with an `obs` that can be written, and hashes of what they hold."""

    shared: AnnData
    tested: AnnData
    hashes: tuple[str, ...]

    @classmethod
    def of(cls, task: Task, *, with_hash: bool) -> _Copies:
        if with_hash and any(a is not None and on_disk(a) for a in (task.adata, task.other)):
            msg = f"task {task.name!r}: cache= and n_jobs= need data in memory: adata = adata.to_memory()."
            raise ValueError(msg)
        shared = _shallow_copy(task.adata)
        same = task.other is None or task.other is task.adata
        tested = shared if same else _shallow_copy(task.other)
        hashes = tuple(fingerprint(a) for a in ((shared,) if same else (shared, tested))) if with_hash else ()
        return cls(shared, tested, hashes)


def _one(task: Task, seed: int, run: _Run, copies: _Copies) -> _Done:
    """Run all methods on one task and seed."""
    train, other, test = task.rows(seed)
    if not len(test):
        msg = f"task {task.name!r}: there is no test cell, as training and test data share no type. Pass rename=."
        raise ValueError(msg)
    overlap = np.intersect1d(train, test) if copies.tested is copies.shared else np.zeros(0, int)
    if len(overlap):
        msg = (
            f"task {task.name!r}, seed {seed}: {len(overlap):,} cells are both learned from and tested. Pass a split "
            "whose two sides do not overlap, and as other= another data set."
        )
        raise ValueError(msg)
    hidden = task.hidden(train)
    copies.shared.obs[_KEY] = hidden.to_numpy() if task.kind == NUMBERS else hidden.array
    y_true = task.truth(other, test)
    done = _Done((task.name, seed), test, task.types(task.adata)[train], {Y_TRUE: y_true}, {}, {})
    cached = run.cache.folder is not None
    split = joblib.hash([train, test, hidden.astype(str).to_numpy(str)]) if cached else ""
    parts = {"data": copies.hashes, "split": split, "seed": run.seed, "table": run.needs_table}
    for name, make in run.methods.items():
        key = key_of(parts, name, make) if cached else ""
        kept = run.cache.get(key)
        if kept is None:
            kept = _fit(name, make, (copies.shared, train), (copies.tested, test), y_true, done.key, run)
            run.cache.put(key, kept)
        done.predictions[name], done.probabilities[name] = kept.y_pred, kept.table
        done.seconds[name] = kept.seconds
    return done


def _fit(
    name: str,
    make: Make,
    train: tuple[AnnData, np.ndarray],
    test: tuple[AnnData, np.ndarray],
    y_true: np.ndarray,
    key: Key,
    run: _Run,
) -> Kept:
    """Train one method and predict the test cells."""
    method: Any = make()
    if run.needs_table and not hasattr(method, "predict_proba"):
        msg = (
            f"{name!r} has no predict_proba, which a metric of probabilities needs. Leave the metric or the method out."
        )
        raise TypeError(msg)
    restore(run.seed)
    before = [checksum(adata) for adata in (train[0], test[0])]
    start = time.perf_counter()
    method.fit(train[0], _KEY, indices=train[1])
    y_pred = np.asarray(method.predict(test[0], indices=test[1]))
    if before != [checksum(adata) for adata in (train[0], test[0])]:
        msg = (
            f"{name!r} changed the values of the cells that it was given, and what comes after it would learn from "
            "other data. Let it work on a copy: adata = adata.copy(). Read your data again: they were changed."
        )
        raise ValueError(msg)
    if len(y_pred) != len(y_true):
        msg = f"{name!r} returned {len(y_pred):,} predictions for task {key[0]!r}; expected {len(y_true):,}."
        raise ValueError(msg)
    y_pred = y_pred.astype(float) if y_true.dtype.kind == "f" else y_pred.astype(str)
    table = method.predict_proba(test[0], indices=test[1]) if run.needs_table else None
    return Kept(y_pred, table, time.perf_counter() - start)
