"""Additive effects and low-rank factors of a table of responses; no features are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from anndata import AnnData

from scellm.baselines.drug._base import KnownDrugs

_ROUNDS, _STEPS, _PENALTY = 30, 15, 6.0


@dataclass(frozen=True)
class Additive:
    """Mean, effect of each line and of each drug.

    Parameters
    ----------
    mean
        Of all values.
    line, drug
        Effects, (lines,) and (drugs,); 0 for those without a value.
    """

    mean: float
    line: np.ndarray
    drug: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> Additive:
        """Fit by least squares, in turns, to values with NaN where unknown, (lines, drugs)."""
        known = np.isfinite(values)
        mean = float(values[known].mean())
        x = np.where(known, values - mean, 0.0)
        rows, columns = np.maximum(known.sum(1), 1), np.maximum(known.sum(0), 1)
        line, drug = np.zeros(len(x)), np.zeros(x.shape[1])
        for _ in range(_ROUNDS):
            drug = (x - known * line[:, None]).sum(0) / columns
            line = (x - known * drug).sum(1) / rows
        return cls(mean, line, drug)

    @property
    def table(self) -> np.ndarray:
        """Their sum, (lines, drugs)."""
        return self.mean + self.line[:, None] + self.drug


def factorized(values: np.ndarray, rank: int, seed: int = 0) -> np.ndarray:
    """A complete table: additive effects, and factors of the rest by alternating least squares with a penalty.

    Parameters
    ----------
    values
        NaN where unknown, (lines, drugs).
    rank
        Number of factors; 0 for additive effects alone.
    seed
        Seed of the first factors.

    Returns
    -------
    numpy.ndarray
        float64, (lines, drugs).
    """
    base = Additive.of(values).table
    if not rank:
        return base
    known = np.isfinite(values).astype(np.float64)
    rest = np.where(known > 0, values - base, 0.0)
    rng = np.random.default_rng(seed)
    lines, drugs = (rng.normal(0, 0.1, (n, rank)) for n in values.shape)
    for _ in range(_STEPS):
        drugs = _factors(lines, known, rest)
        lines = _factors(drugs, known.T, rest.T)
    return base + lines @ drugs.T


def _factors(other: np.ndarray, known: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Factors of the columns given those of the rows: one small ridge problem each, (columns, rank)."""
    rank = other.shape[1]
    products = (other[:, :, None] * other[:, None, :]).reshape(len(other), -1)  # (rows, rank * rank)
    gram = (known.T @ products).reshape(-1, rank, rank) + _PENALTY * np.eye(rank)
    return np.linalg.solve(gram, (rest.T @ other)[:, :, None])[:, :, 0]


class Factorization(KnownDrugs):
    """Drug + line + low-rank factors, for lines that were learned from; other lines get the drugs' means.

    Parameters
    ----------
    rank
        Number of factors; 0 for drug + line alone.
    per_drug
        Divide each drug by its standard deviation first.
    seed
        Seed of the first factors.
    """

    def __init__(self, rank: int = 12, *, per_drug: bool = False, seed: int = 0) -> None:
        self.rank, self.per_drug, self.seed = rank, per_drug, seed

    def _fit(self, lines: AnnData, values: np.ndarray) -> None:
        shift = self.drug_mean if self.per_drug else 0.0
        scale = np.nan_to_num(np.nanstd(values, 0)) + 1e-6 if self.per_drug else 1.0
        x = (values - shift) / scale
        table = factorized(x, self.rank, self.seed) if self.rank else Additive.of(x).table
        self.table = dict(zip(self.lines, table * scale + shift, strict=True))

    def _predict(self, lines: AnnData) -> np.ndarray:
        return np.array([self.table.get(name, self.drug_mean) for name in lines.obs_names])
