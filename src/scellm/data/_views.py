"""Views of a cell for contrastive pretraining: functions from counts to counts, keyed by seed, step, view and cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from scellm.data._counts import Counts
from scellm.data._random import uniform

View = Callable[[Counts, int], Counts]
"""Takes counts and the key of the draw, gives counts. The same key and cell give the same view, whatever the batch."""

_REST, _DEPTH = -1, -2  # stand in for a gene id where a number is drawn for the whole cell


def identity(counts: Counts, key: int) -> Counts:
    """The cell as it is; two views then differ by dropout alone (paper, section 3.3)."""
    return counts


@dataclass(frozen=True)
class Thin:
    """Binomial thinning: each molecule is kept with a probability drawn for the cell, as if it had been sequenced less deeply.

    Parameters
    ----------
    low, high
        Between them the share of molecules kept is drawn, evenly.

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
        """Thin the counts and, alike, what the cell holds outside the vocabulary."""
        share = self.low + (self.high - self.low) * uniform(key, counts.cell, _DEPTH)  # (cells,)
        of = counts.cell_of_token
        n = counts.count.astype(np.int64)
        count = thin(n, share[of], uniform(key, counts.cell[of], counts.gene))  # (tokens,)
        rest = np.round(counts.total).astype(np.int64) - np.bincount(of, weights=n, minlength=len(share)).astype(
            np.int64
        )
        rest = thin(np.maximum(rest, 0), share, uniform(key, counts.cell, _REST))  # (cells,)
        total = np.bincount(of, weights=count, minlength=len(share)) + rest
        return counts.keep(count > 0, count, total)


def thin(n: np.ndarray, p: np.ndarray, u: np.ndarray) -> np.ndarray:
    """A binomial number by inversion: the smallest k with P(K <= k) >= u. Most counts are 1, where that is u > 1 - p.

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


@dataclass(frozen=True)
class SubsampleGenes:
    """Keep each expressed gene with one probability, its count as it is.

    Parameters
    ----------
    share
        Probability that a gene is kept.

    Raises
    ------
    ValueError
        If not 0 < share <= 1.
    """

    share: float = 0.7

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            msg = f"SubsampleGenes keeps a share of the genes, 0 < share <= 1; found {self.share}."
            raise ValueError(msg)

    def __call__(self, counts: Counts, key: int) -> Counts:
        """Drop genes; a cell's total stays, so that the bins of the others do."""
        of = counts.cell_of_token
        return counts.keep(uniform(key, counts.cell[of], counts.gene) < self.share, counts.count, counts.total)


VIEWS: dict[str, View] = {"identity": identity, "thin": Thin(), "subsample": SubsampleGenes()}
"""Views by name; add one here, or pass any function of the same form."""


def get_view(view: str | View) -> View:
    """A view by name, or the function itself; raises ValueError for a name that is none."""
    if callable(view):
        return view
    if view not in VIEWS:
        msg = (
            f"view={view!r} is not known; expected one of {sorted(VIEWS)}, or a function from (Counts, key) to Counts."
        )
        raise ValueError(msg)
    return VIEWS[view]


def name_of_view(view: str | View) -> str:
    """The same words for the same view in every process: where a function is from, or the options of a dataclass."""
    found = get_view(view)
    return f"{found.__module__}.{found.__qualname__}" if hasattr(found, "__qualname__") else repr(found)
