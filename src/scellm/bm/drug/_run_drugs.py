"""Run every method on every drug task and seed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from scellm.bm.drug._drug_results import DrugResults, Judged
from scellm.bm.drug._drug_task import DrugTask, Fold
from scellm.bm.drug._method import DrugMethod
from scellm.bm.drug._tissue_mean import tissue_deviations


def run_drugs(
    tasks: Sequence[DrugTask], methods: Mapping[str, Callable[[], DrugMethod]], *, seeds: int | Sequence[int] = 5
) -> DrugResults:
    """Train and test every method on every task, on the same pairs.

    Parameters
    ----------
    tasks
        The tasks.
    methods
        Name of each method, and a function that makes it, such as a class of `scellm.baselines.drug`.
    seeds
        Seeds of the splits, or their number.

    Returns
    -------
    DrugResults
        A tidy table of scores, and the predictions.

    Raises
    ------
    ValueError
        If names of tasks repeat, or a method leaves out a pair.
    """
    names = [task.name for task in tasks]
    if len(set(names)) < len(names):
        msg = f"Task names must be unique; found {names}."
        raise ValueError(msg)
    rows: list[dict] = []
    results = DrugResults(pd.DataFrame(), {})
    for task in tasks:
        for seed in tqdm(range(seeds) if isinstance(seeds, int) else seeds, desc=f"bm: {task.name}", disable=None):
            rows += _one(task, int(seed), methods, results)
    return DrugResults(pd.DataFrame(rows), results.judged)


def _one(
    task: DrugTask, seed: int, methods: Mapping[str, Callable[[], DrugMethod]], results: DrugResults
) -> list[dict]:
    """All methods on one task and seed: a row for each score."""
    fold = task.draw(seed)
    tissue = _tissue_mean(task, fold)
    judged = Judged(fold.truth.to_numpy(), fold.drug_mean.to_numpy(), tissue, {}, fold.truth.index.to_numpy(str))
    results.judged[task.name, seed] = judged
    rows = []
    for name, make in methods.items():
        start = time.perf_counter()
        judged.predictions[name] = _predicted(task, fold, name, make())
        seconds = time.perf_counter() - start
        scores = judged.scores(name)
        rows += [
            {"task": task.name, "method": name, "seed": seed, "metric": m, "value": v, "seconds": seconds}
            for m, v in scores.items()
        ]
    return rows


def _predicted(task: DrugTask, fold: Fold, name: str, method: DrugMethod) -> np.ndarray:
    data, truth = task.data, fold.truth
    method.fit(data.profiles(fold.learned.index), fold.learned, smiles=data.smiles, tissue_key=data.tissue_key)
    found = method.predict(data.profiles(truth.index), list(truth.columns))
    table = found.reindex(index=truth.index, columns=truth.columns).to_numpy(np.float64)
    lacking = int((truth.notna().to_numpy() & ~np.isfinite(table)).sum())
    if lacking:
        msg = f"{name!r} has no prediction for {lacking:,} of the tested pairs of task {task.name!r}."
        raise ValueError(msg)
    return table + fold.shift.to_numpy()


def _tissue_mean(task: DrugTask, fold: Fold) -> np.ndarray | None:
    """Mean of each drug in the tissue of each tested line, over the training lines of the assay that judges."""
    if task.data.tissue_key is None:
        return None
    tissues = task.data.tissues
    judge = task.data.responses if task.judged_by is None else task.judged_by
    learned = judge.reindex(index=fold.learned.index, columns=fold.truth.columns)
    if fold.learned.columns.intersection(fold.truth.columns).empty:
        return None
    learned = learned.where(fold.learned.reindex(columns=fold.truth.columns).notna())
    shrunk = tissue_deviations(learned - fold.drug_mean, tissues.loc[learned.index])
    return fold.drug_mean.to_numpy() + shrunk.reindex(tissues.loc[fold.truth.index]).fillna(0).to_numpy()
