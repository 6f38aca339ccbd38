"""Scores and predictions of a run, and their summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scellm.bm._interval import interval, verdict
from scellm.bm.drug._drug_metrics import drug_metrics

LOWER_IS_BETTER = ("rmse", "mae")


@dataclass(frozen=True)
class Judged:
    """Truth and predictions of one task and seed, (lines, drugs).

    Parameters
    ----------
    truth
        NaN where not tested.
    drug_mean
        Mean of each drug over the training lines, (drugs,).
    tissue_mean
        As for :func:`scellm.bm.drug.drug_metrics`.
    predictions
        By method.
    lines
        Names of the lines, (lines,).
    """

    truth: np.ndarray
    drug_mean: np.ndarray
    tissue_mean: np.ndarray | None
    predictions: dict[str, np.ndarray]
    lines: np.ndarray

    def scores(
        self, method: str, lines: np.ndarray | None = None, only: Sequence[str] | None = None
    ) -> dict[str, float]:
        """Scores of a method, on all lines or on those given, with repeats; all, or those named."""
        some = np.arange(len(self.truth)) if lines is None else lines
        tissue = None if self.tissue_mean is None else self.tissue_mean[some]
        y, p = self.truth[some], self.predictions[method][some]
        return drug_metrics(y, p, self.drug_mean, tissue_mean=tissue, only=only)


@dataclass(frozen=True)
class DrugResults:
    """The output of :func:`scellm.bm.drug.run_drugs`.

    Parameters
    ----------
    table
        One row a task, method, seed and metric: `value` and `seconds`.
    judged
        Truth and predictions of each task and seed.
    """

    table: pd.DataFrame
    judged: dict[tuple[str, int], Judged]

    def pivot(self) -> pd.DataFrame:
        """Means over seeds, one row a task and method, one column a metric."""
        means = self.table.groupby(["task", "method", "metric"], sort=False)["value"].mean()
        return means.unstack("metric")[list(dict.fromkeys(self.table["metric"]))]

    def summary(
        self, *, against: str, metric: str = "interaction", n_boot: int = 200, level: float = 0.95, seed: int = 0
    ) -> pd.DataFrame:
        """Mean scores, and differences to a baseline with intervals from a paired bootstrap over lines and seeds.

        Parameters
        ----------
        against
            Name of the baseline.
        metric
            A score of :func:`scellm.bm.drug.drug_metrics`.
        n_boot
            Number of draws.
        level
            Confidence level of the intervals.
        seed
            Seed of the draws.

        Returns
        -------
        pandas.DataFrame
            One row a task and method: `mean`, `sd` over seeds, `difference`, `low`, `high`, and `verdict`: "better",
            "worse", or "not established" if the interval contains 0.

        Raises
        ------
        ValueError
            If the baseline or the metric did not take part.
        """
        table = self.table[self.table["metric"] == metric]
        for name, column, value in (("metric", "metric", metric), ("against", "method", against)):
            if value not in set(self.table[column]):
                msg = f"{name}={value!r} did not take part; found {list(self.table[column].unique())}."
                raise ValueError(msg)
        found = table.groupby(["task", "method"], sort=False)["value"].agg(["mean", "std"])
        rows = []
        for task, method in found.index:
            row = {"task": task, "method": method, "mean": found.loc[(task, method), "mean"]}
            row |= {"sd": found.loc[(task, method), "std"], "against": against}
            folds = [j for (name, _), j in self.judged.items() if name == task]
            other = found.loc[(task, against), "mean"]
            if method != against:
                low, high = _interval(folds, (method, against), metric, (n_boot, level, seed))
                found_ = verdict(low, high, higher_is_better=metric not in LOWER_IS_BETTER)
                row |= {"difference": row["mean"] - other, "low": low, "high": high, "verdict": found_}
            rows.append(row)
        columns = ["task", "method", "mean", "sd", "against", "difference", "low", "high", "verdict"]
        return pd.DataFrame(rows).reindex(columns=columns)


def _interval(
    folds: list[Judged], pair: tuple[str, str], metric: str, options: tuple[int, float, int]
) -> tuple[float, float]:
    """Interval of the mean difference; each draw takes lines with replacement, the same for all seeds, and seeds.

    Seeds share lines: a draw of its own for each would underestimate the variance of their mean.
    """
    n_boot, level, seed = options
    rng = np.random.default_rng(seed)
    names, at = np.unique(np.concatenate([fold.lines for fold in folds]), return_inverse=True)
    places = np.split(at, np.cumsum([len(fold.lines) for fold in folds])[:-1])
    draws = np.full((len(folds), n_boot), np.nan)
    for b in range(n_boot):
        weight = rng.multinomial(len(names), np.full(len(names), 1 / len(names)))
        for i, (fold, place) in enumerate(zip(folds, places, strict=True)):
            lines = np.repeat(np.arange(len(place)), weight[place])
            if np.isfinite(fold.truth[lines]).any():
                first, second = (fold.scores(name, lines, [metric])[metric] for name in pair)
                draws[i, b] = first - second
    picks = rng.integers(len(folds), size=draws.shape)
    return interval(np.take_along_axis(draws, picks, axis=0), level)
