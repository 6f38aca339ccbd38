"""Every contender on every task and seed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scvi.utils import track

from scellm.bm._metrics import METRICS, confusion
from scellm.bm._results import Results
from scellm.bm._task import Contender, Task

_KEY = "_scellm_bm"
_TRUTH = "truth"


def run(
    tasks: Sequence[Task],
    contenders: Mapping[str, Callable[[], Contender]],
    *,
    seeds: int | Sequence[int] = 5,
    metrics: Sequence[str] = tuple(METRICS),
) -> Results:
    """Have every contender learn and tell every task, on the same cells.

    Parameters
    ----------
    tasks
        What is asked.
    contenders
        From a name to a function that makes a fresh contender, such as a class of `scellm.baselines`.
    seeds
        Seeds of the splits, or how many.
    metrics
        Keys of `METRICS`.

    Returns
    -------
    Results
        With a tidy table of scores, and what was told.

    Raises
    ------
    ValueError
        If names repeat or a contender is called "truth", a metric is not known, or a contender tells another number of cells than asked.
    """
    names = [t.name for t in tasks]
    if len(set(names)) < len(names):
        msg = f"Tasks must have names of their own; found {names}."
        raise ValueError(msg)
    if _TRUTH in contenders:
        msg = f"A contender cannot be called {_TRUTH!r}: that is the name of the true types in what was told."
        raise ValueError(msg)
    unknown = [m for m in metrics if m not in METRICS]
    if unknown:
        msg = f"metrics={unknown} are not known; expected some of {list(METRICS)}."
        raise ValueError(msg)
    chosen = range(seeds) if isinstance(seeds, int) else seeds
    rows: list[dict] = []
    told: dict[tuple[str, int], dict[str, np.ndarray]] = {}
    tested: dict[tuple[str, int], np.ndarray] = {}
    for task, seed in track([(t, s) for t in tasks for s in chosen], description="bm"):
        tested[task.name, seed], said = _one(task, seed, contenders, rows)
        told[task.name, seed] = said
        for row in rows[-len(contenders) :]:
            row |= scores(said[_TRUTH], said[row["contender"]], metrics)
    wide = pd.DataFrame(rows)
    table = wide.melt(["task", "contender", "seed", "seconds"], list(metrics), var_name="metric")
    return Results(table[["task", "contender", "seed", "metric", "value", "seconds"]], told, tested)


def scores(truth: np.ndarray, told: np.ndarray, metrics: Sequence[str]) -> dict[str, float]:
    """Scores by name."""
    codes, names = pd.factorize(np.concatenate([truth, told]))
    table = confusion(codes[: len(truth)], codes[len(truth) :], len(names))
    return {m: METRICS[m](table) for m in metrics}


def _one(
    task: Task, seed: int, contenders: Mapping[str, Callable[[], Contender]], rows: list[dict]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """All contenders on one task and seed: rows of the cells told, and what was said of them; appends a row of scores for each."""
    train, other, test = task.rows(seed)
    if not len(test):
        msg = f"task {task.name!r}: no cell is left to tell; the types of the two sides have no name in common. Pass rename=."
        raise ValueError(msg)
    types = task.types(task.adata)
    said = {_TRUTH: task.types(other)[test].astype(str)}
    task.adata.obs[_KEY] = pd.Categorical(
        np.where(np.isin(np.arange(len(types)), train), types, "")
    )  # labels of the test cells are out of reach
    try:
        for name, make in contenders.items():
            start = time.perf_counter()
            contender = make()
            contender.fit(task.adata, _KEY, indices=train)
            said[name] = np.asarray(contender.predict(other, indices=test)).astype(str)
            if len(said[name]) != len(test):
                msg = f"{name!r} told {len(said[name]):,} cells of task {task.name!r}; expected {len(test):,}."
                raise ValueError(msg)
            rows.append({"task": task.name, "contender": name, "seed": seed, "seconds": time.perf_counter() - start})
    finally:
        del task.adata.obs[_KEY]
    return test, said
