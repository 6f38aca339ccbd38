"""Scores of predicted drug responses, of which most cannot be had by knowing the drug alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from scellm.bm.drug._double_centred import double_centred

NAMES = (
    *("pearson", "r2", "rmse", "mae", "per_drug", "residual", "interaction", "per_line", "hit5", "hit5_chance"),
    *("beyond_tissue", "residual_tissue"),
)
_OF_TISSUE = NAMES[-2:]
_CONSTANT = 1e-9  # a spread below this share of the truth's is rounding


def drug_metrics(
    truth: np.ndarray | pd.DataFrame,
    prediction: np.ndarray | pd.DataFrame,
    drug_mean: np.ndarray,
    *,
    tissue_mean: np.ndarray | None = None,
    least: int = 10,
    k: int = 5,
    only: Sequence[str] | None = None,
) -> dict[str, float]:
    """Scores of a table of predicted responses.

    Global correlation mostly says which drug is potent. The last four say which drug suits which line: a constant
    scores 0 on all correlations, and "the drug's mean + one number a line" scores 0, or chance, on these four.

    Parameters
    ----------
    truth, prediction
        Responses (ln IC50: lower is more sensitive), NaN where unknown, (lines, drugs). Two data frames are aligned by
        name.
    drug_mean
        Mean of each drug over the training lines, (drugs,).
    tissue_mean
        Mean of each drug in the tissue of each line over the training lines, (lines, drugs), for `beyond_tissue`.
    least
        Fewest values of a drug or a line that its correlation is computed from.
    k
        Drugs that make a hit.
    only
        Names of scores to compute; by default all.

    Returns
    -------
    dict
        `pearson`, `r2`, `rmse`, `mae` over all values. `per_drug`: median over drugs of the correlation over lines.
        `residual`: correlation after the drug's training mean is subtracted from both. `interaction`: correlation after
        double centring of both, so that potency and general sensitivity are gone. `per_line`: median over lines of the
        correlation over drugs of the deviations from the drugs' training means. `hit5`: share of a line's `k` most
        sensitive drugs, by deviation, found among the `k` predicted (ties at the border count by their chance);
        `hit5_chance` beside it. With `tissue_mean`, `beyond_tissue`: partial correlation of the double-centred tables
        given that of the tissue's means, and `residual_tissue`: correlation after `tissue_mean` is subtracted from
        both. NaN where there are too few values.

    Raises
    ------
    ValueError
        If shapes differ, no value is known in both tables, or a name is not known.
    """
    if isinstance(truth, pd.DataFrame) and isinstance(prediction, pd.DataFrame):
        prediction = prediction.reindex(index=truth.index, columns=truth.columns)  # by name, in any order
    truth, prediction = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    if truth.shape != prediction.shape or np.shape(drug_mean) != truth.shape[1:]:
        msg = (
            f"truth {truth.shape}, prediction {prediction.shape} and drug_mean {np.shape(drug_mean)} do not fit; "
            "expected (lines, drugs) twice, and (drugs,)."
        )
        raise ValueError(msg)
    known = np.isfinite(truth) & np.isfinite(prediction)
    if not known.any():
        msg = "No response is known in both truth and prediction: there is nothing to score."
        raise ValueError(msg)
    scores = _Scores(truth, prediction, np.asarray(drug_mean, np.float64), known, least, k)
    names = [n for n in NAMES if tissue_mean is not None or n not in _OF_TISSUE]
    if only is not None:
        one_known = [n for n in only if n in names]
        if len(one_known) < len(only):
            msg = f"only={list(only)}: expected some of {names}."
            raise ValueError(msg)
        names = one_known
    scores.tissue_mean = tissue_mean
    return {name: getattr(scores, name)() for name in names}


@dataclass
class _Scores:
    """Each score as a method, so that one alone costs little."""

    truth: np.ndarray
    prediction: np.ndarray
    drug_mean: np.ndarray
    known: np.ndarray
    least: int
    k: int
    tissue_mean: np.ndarray | None = None

    @cached_property
    def values(self) -> tuple[np.ndarray, np.ndarray]:
        return self.truth[self.known], self.prediction[self.known]

    @cached_property
    def deviations(self) -> list[np.ndarray]:
        return [np.where(self.known, table - self.drug_mean, np.nan) for table in (self.truth, self.prediction)]

    @cached_property
    def centred(self) -> list[np.ndarray]:
        return [double_centred(table, self.known)[self.known] for table in (self.truth, self.prediction)]

    @cached_property
    def hits(self) -> tuple[float, float]:
        return _hits(self.deviations[0], self.deviations[1], self.known, self.k)

    def pearson(self) -> float:
        return correlation(*self.values)

    def r2(self) -> float:
        y, p = self.values
        spread = float(((y - y.mean()) ** 2).sum())
        return 1 - float(((y - p) ** 2).sum()) / spread if spread > 0 else np.nan

    def rmse(self) -> float:
        y, p = self.values
        return float(np.sqrt(((y - p) ** 2).mean()))

    def mae(self) -> float:
        y, p = self.values
        return float(np.abs(y - p).mean())

    def per_drug(self) -> float:
        return _median_of_columns(self.truth, self.prediction, self.known, self.least)

    def residual(self) -> float:
        return correlation(*(d[self.known] for d in self.deviations))

    def interaction(self) -> float:
        return correlation(*self.centred)

    def per_line(self) -> float:
        return _median_of_columns(self.deviations[0].T, self.deviations[1].T, self.known.T, self.least)

    def hit5(self) -> float:
        return self.hits[0]

    def hit5_chance(self) -> float:
        return self.hits[1]

    def beyond_tissue(self) -> float:
        by_tissue = double_centred(np.asarray(self.tissue_mean), self.known)[self.known]
        return _partial(self.centred[0], self.centred[1], by_tissue)

    def residual_tissue(self) -> float:
        return correlation(*((x - self.tissue_mean)[self.known] for x in (self.truth, self.prediction)))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation; 0 if the second is constant, NaN if the first is."""
    if len(a) < 2:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    size, of_prediction = float(np.sqrt(a @ a)), float(np.sqrt(b @ b))
    if size == 0:
        return float("nan")
    return float(a @ b) / (size * of_prediction) if of_prediction > _CONSTANT * size else 0.0


def _median_of_columns(truth: np.ndarray, prediction: np.ndarray, known: np.ndarray, least: int) -> float:
    """Median over columns with enough values of the correlation within the column."""
    enough = np.flatnonzero(known.sum(0) >= least)
    if not len(enough):
        return float("nan")
    w = known[:, enough]
    a, b = (_centred_columns(x[:, enough], w) for x in (truth, prediction))
    size, of_prediction = np.sqrt((a * a).sum(0)), np.sqrt((b * b).sum(0))
    constant = of_prediction <= _CONSTANT * size
    r = (a * b).sum(0) / np.where(constant | (size == 0), 1.0, size * of_prediction)
    return float(np.median(np.where(constant, 0.0, r)[size > 0])) if (size > 0).any() else float("nan")


def _centred_columns(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    x = np.where(known, x, 0.0)
    return np.where(known, x - x.sum(0) / np.maximum(known.sum(0), 1), 0.0)


def _partial(a: np.ndarray, b: np.ndarray, given: np.ndarray) -> float:
    """Correlation of what a linear fit on `given` leaves of two centred vectors; 0 if nothing is left of the second."""
    size = float(given @ given)
    rest = [x - given * (float(x @ given) / size if size > 0 else 0.0) for x in (a, b)]
    left = float(np.sqrt(rest[1] @ rest[1]))
    return correlation(*rest) if left > 1e-6 * float(np.sqrt(b @ b)) else 0.0


def _hits(truth: np.ndarray, prediction: np.ndarray, known: np.ndarray, k: int) -> tuple[float, float]:
    """Mean over lines of the expected share of the k lowest true values among the k lowest predicted, and chance."""
    enough = known.sum(1) >= 4 * k
    if not enough.any():
        return float("nan"), float("nan")
    y, p = (np.where(known, x, np.inf)[enough] for x in (truth, prediction))
    scale = np.abs(truth[known]).max(initial=0.0) or 1.0  # of the truth: a constant is rounding beside it
    shares = [_among_lowest(x, k, tolerance) for x, tolerance in ((y, 0.0), (p, 1e-9 * scale))]
    return float((shares[0] * shares[1]).sum(1).mean() / k), float((k / known[enough].sum(1)).mean())


def _among_lowest(values: np.ndarray, k: int, tolerance: float) -> np.ndarray:
    """Chance of each value to be among the k lowest of its row, if ties are broken at random, (rows, columns)."""
    border = np.partition(values, k - 1, axis=1)[:, k - 1 : k]
    lower, tied = values < border - tolerance, np.abs(values - border) <= tolerance
    left = k - lower.sum(1, keepdims=True)
    return lower + tied * left / tied.sum(1, keepdims=True)
