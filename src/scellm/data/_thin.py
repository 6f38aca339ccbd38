"""Binomial thinning of counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from scellm._random import uniform
from scellm.data._counts import Counts

_REST, _DEPTH = -1, -2  # used in place of a gene id, for numbers drawn per cell


@dataclass(frozen=True)
class Thin:
    """Binomial thinning: each molecule is kept with a probability drawn per cell.

    The result is as if the cell had been sequenced less deeply.

    Parameters
    ----------
    low, high
        The share of molecules kept is drawn uniformly between them.

    Raises
    ------
    ValueError
        If not 0 < low <= high <= 1.
    """

    low: float = 0.2
    high: float = 0.7

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high <= 1:
            msg = f"Thin keeps a share of the molecules, 0 < low <= high <= 1; found low={self.low}, high={self.high}."
            raise ValueError(msg)

    def __call__(self, counts: Counts, key: int) -> Counts:
        """Thin the counts, and those outside the vocabulary in the same way."""
        share = self.low + (self.high - self.low) * uniform(key, counts.cell, _DEPTH)  # (cells,)
        of = counts.cell_of_token
        n = counts.count.astype(np.int64)
        count = thin(n, share[of], uniform(key, counts.cell[of], counts.gene))  # (tokens,)
        known = np.bincount(of, weights=n, minlength=len(share)).astype(np.int64)
        rest = np.maximum(np.round(counts.total).astype(np.int64) - known, 0)
        rest = thin(rest, share, uniform(key, counts.cell, _REST))  # (cells,)
        total = np.bincount(of, weights=count, minlength=len(share)) + rest
        return counts.keep(count > 0, count, total)


def thin(n: np.ndarray, p: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Draw binomial numbers by inversion: the smallest k with P(K <= k) >= u. For a count of 1 that is u > 1 - p.

    Parameters
    ----------
    n, p, u
        Trials (int64), probability, and a uniform number; all of one shape.

    Returns
    -------
    numpy.ndarray
        int64, same shape.
    """
    out = ((n > 0) & (u > 1 - p)).astype(np.int64)
    many = n > 1
    out[many] = binom.ppf(u[many], n[many], p[many]).astype(np.int64).clip(0)
    return out
