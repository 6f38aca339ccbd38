"""Means, intervals, and who is better."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pandas as pd

from scellm.bm._metrics import METRICS, confusion
from scellm.bm._results import Results


def summary(
    results: Results, *, against: str | Sequence[str] | None = None, metric: str = "macro_f1", n_boot: int = 1000, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:  # fmt: skip
    """Mean scores of each task with intervals of the difference to the best simple baseline, by a paired bootstrap over cells.

    A draw takes the task's cells with replacement, the same for both contenders and for all seeds, whose test sets share cells (to draw
    anew for each seed would let the mean over seeds hide most of the spread); each seed's score is computed from them, and seeds are
    drawn too. So an interval covers which cells were told and which were learned from.

    Parameters
    ----------
    results
        Of :func:`run`.
    against
        The simple baselines; each task's best of them by mean is what the others are compared with. By default all contenders are
        compared with the best other one.
    metric
        A key of `METRICS`.
    n_boot
        Draws.
    level
        Of the intervals.
    seed
        Of the draws.

    Returns
    -------
    pandas.DataFrame
        A row for each task and contender: `mean`, `sd` over seeds, `against`, `difference`, its interval `low` and `high`, and `verdict`:
        "better", "worse", or "not established" where the interval holds 0.

    Raises
    ------
    ValueError
        If a name in `against` or the metric is not known.
    """
    table = results.table[results.table["metric"] == metric]
    if table.empty:
        msg = f"metric={metric!r} was not computed; the results hold {sorted(results.table['metric'].unique())}."
        raise ValueError(msg)
    simple = [against] if isinstance(against, str) else list(against or [])
    unknown = set(simple) - set(table["contender"])
    if unknown:
        msg = f"against={sorted(unknown)} did not take part; the contenders are {list(table['contender'].unique())}."
        raise ValueError(msg)
    found = table.groupby(["task", "contender"], sort=False)["value"].agg(["mean", "std"]).rename(columns={"std": "sd"})
    rows = []
    for task in dict.fromkeys(table["task"]):
        means = found.loc[task]
        for name in means.index:
            others = [n for n in (simple or means.index) if n != name]
            rival = str(means.loc[others, "mean"].idxmax()) if others else ""
            compared = _compare(results, task, name, rival, metric, n_boot, level, seed) if rival else {}
            rows.append({"task": task, "contender": name, **means.loc[name], **(_NOBODY | compared)})
    return pd.DataFrame(rows)


_NOBODY = {"against": "", "difference": np.nan, "low": np.nan, "high": np.nan, "verdict": ""}


def _compare(
    results: Results, task: str, name: str, rival: str, metric: str, n_boot: int, level: float, seed: int
) -> dict:
    """Difference to the rival, its interval and the verdict."""
    seeds = [key for key in results.told if key[0] == task]
    cells, places = np.unique(np.concatenate([results.rows[key] for key in seeds]), return_inverse=True)
    # Where the cells of each seed are among all that are told in any.
    at = np.split(places, np.cumsum([len(results.rows[key]) for key in seeds])[:-1])
    said = [_codes(results.told[key], name, rival) for key in seeds]
    rng, n = np.random.default_rng(seed), len(cells)
    weights = chain([np.ones(n)], (rng.multinomial(n, np.full(n, 1 / n)) for _ in range(n_boot)))  # one draw at a time
    draws = np.array([[_difference(s, w[a], metric) for s, a in zip(said, at, strict=True)] for w in weights]).T
    picks = rng.integers(len(seeds), size=(len(seeds), n_boot))  # seeds with replacement
    booted = np.take_along_axis(draws[:, 1:], picks, axis=0)  # (seeds, n_boot)
    booted = np.nanmean(booted[:, ~np.isnan(booted).all(0)], axis=0)
    low, high = np.quantile(booted, [(1 - level) / 2, (1 + level) / 2])
    verdict = "better" if low > 0 else "worse" if high < 0 else "not established"
    return {"against": rival, "difference": draws[:, 0].mean(), "low": low, "high": high, "verdict": verdict}


def _codes(said: dict[str, np.ndarray], name: str, rival: str) -> np.ndarray:
    """What is true, what `name` and what `rival` told, as codes of types, (3, cells)."""
    return pd.factorize(np.concatenate([said["truth"], said[name], said[rival]]))[0].reshape(3, -1)


def _difference(codes: np.ndarray, weight: np.ndarray, metric: str) -> float:
    """Score of the one minus that of the other; no number where no cell of the seed was drawn."""
    truth, a, b = codes
    score = lambda told: METRICS[metric](confusion(truth, told, codes.max() + 1, weight))
    return score(a) - score(b) if weight.any() else np.nan
