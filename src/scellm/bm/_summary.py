"""Means, confidence intervals, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from scellm.bm._interval import interval, verdict
from scellm.bm._results import Y_TRUE, Key, Results
from scellm.bm.metrics import LABELS, METRICS, NUMBERS
from scellm.bm.metrics._confusion import ConfusionMetric, confusion


def summary(
    results: Results,
    *,
    against: str | Sequence[str] | None = None,
    metric: str | None = None,
    n_boot: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean scores, and the difference to the best simple baseline with intervals from a paired bootstrap over cells.

    Each bootstrap draw takes the task's cells with replacement, the same for both methods and for all seeds, because
    the test sets of the seeds share cells (a separate draw per seed would underestimate the variance of the mean). The
    score of each seed is computed from the drawn cells, and seeds are drawn too. An interval therefore covers the
    choice of test and training cells.

    Parameters
    ----------
    results
        Output of :func:`run`.
    against
        Names of the simple baselines; in each task, the one with the best mean is the reference method. By default each
        method is compared with the best other one.
    metric
        A key of `METRICS`; by default the first that was computed.
    n_boot
        Number of draws.
    level
        Confidence level of the intervals.
    seed
        Seed of the draws.

    Returns
    -------
    pandas.DataFrame
        One row per task and method: `mean`, `sd` over seeds, `against`, `difference`, its interval `low` and `high`,
        and `verdict`: "better", "worse", or "not established" if the interval contains 0.

    Raises
    ------
    ValueError
        If a name in `against` or the metric is not known.
    """
    metric = str(results.table["metric"].iloc[0]) if metric is None else metric
    table = results.table[results.table["metric"] == metric]
    if table.empty:
        msg = f"metric={metric!r} was not computed; the results hold {sorted(results.table['metric'].unique())}."
        raise ValueError(msg)
    simple = [against] if isinstance(against, str) else list(against or [])
    unknown = set(simple) - set(table["method"])
    if unknown:
        msg = f"against={sorted(unknown)} did not take part; the methods are {list(table['method'].unique())}."
        raise ValueError(msg)
    options = _Options(metric, n_boot, level, seed)
    found = table.groupby(["task", "method"], sort=False)["value"].agg(["mean", "std"]).rename(columns={"std": "sd"})
    rows = []
    for task in dict.fromkeys(table["task"]):
        means = found.loc[task]
        for name in means.index:
            others = [n for n in (simple or means.index) if n != name]
            reference = _best(means.loc[others, "mean"], metric) if others else ""
            compared = _compare(results, task, name, reference, options) if reference else {}
            rows.append({"task": task, "method": name, **means.loc[name], **(_NO_REFERENCE | compared)})
    return pd.DataFrame(rows)


_NO_REFERENCE = {"against": "", "difference": np.nan, "low": np.nan, "high": np.nan, "verdict": ""}


@dataclass(frozen=True)
class _Options:
    metric: str
    n_boot: int
    level: float
    seed: int


def _best(means: pd.Series, metric: str) -> str:
    return str(means.idxmax() if METRICS[metric].higher_is_better else means.idxmin())


def _compare(results: Results, task: str, name: str, reference: str, options: _Options) -> dict[str, Any]:
    """Difference to the reference method, its interval and the verdict."""
    keys = [key for key in results.predictions if key[0] == task]
    cells, positions = np.unique(np.concatenate([results.test_indices[key] for key in keys]), return_inverse=True)
    # Positions of each seed's test cells among the test cells of all seeds.
    at = np.split(positions, np.cumsum([len(results.test_indices[key]) for key in keys])[:-1])
    pairs = [_Pair.of(results, key, name, reference, options.metric) for key in keys]
    rng, n = np.random.default_rng(options.seed), len(cells)
    draw = lambda: rng.multinomial(n, np.full(n, 1 / n))
    weights = chain([np.ones(n)], (draw() for _ in range(options.n_boot)))  # one draw at a time
    draws = np.array([[pair.difference(w[a]) for pair, a in zip(pairs, at, strict=True)] for w in weights]).T
    picks = rng.integers(len(keys), size=(len(keys), options.n_boot))  # seeds with replacement
    low, high = interval(np.take_along_axis(draws[:, 1:], picks, axis=0), options.level)
    found = verdict(low, high, higher_is_better=METRICS[options.metric].higher_is_better)
    return {"against": reference, "difference": draws[:, 0].mean(), "low": low, "high": high, "verdict": found}


@dataclass(frozen=True)
class _Pair:
    """The truth and two predictions of one task and seed; types are codes, so that a draw is fast."""

    metric: str
    y_true: np.ndarray
    first: Any
    second: Any

    @classmethod
    def of(cls, results: Results, key: Key, name: str, reference: str, metric: str) -> _Pair:
        predictions, needs = results.predictions[key], METRICS[metric].needs
        if needs == LABELS:
            codes = pd.factorize(np.concatenate([predictions[k] for k in (Y_TRUE, name, reference)]))[0].reshape(3, -1)
            return cls(metric, *codes)
        held = predictions if needs == NUMBERS else results.probabilities[key]
        return cls(metric, predictions[Y_TRUE], held[name], held[reference])

    def difference(self, weight: np.ndarray) -> float:
        """Score of the first minus that of the second; NaN if no cell of the seed was drawn."""
        if not weight.any():
            return np.nan
        return self._score(self.first, weight) - self._score(self.second, weight)

    def _score(self, y_pred: Any, weight: np.ndarray) -> float:
        metric = METRICS[self.metric]
        if isinstance(metric, ConfusionMetric):
            n_types = int(max(self.y_true.max(), self.first.max(), self.second.max())) + 1
            return metric.of_table(confusion(self.y_true, y_pred, n_types, weight))
        return metric(self.y_true, y_pred, weight)
