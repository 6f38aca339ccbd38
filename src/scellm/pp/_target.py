"""The sum that cells were scaled to before some of their genes were left out."""

from __future__ import annotations

import numpy as np

USUAL_TARGETS = (1e3, 5e3, 1e4, 1e5, 1e6)
_SURE = 6  # cells from which on any whole or half target can be found; fewer fit some number by chance
_LISTED = 3  # the same for usual targets
_TRIED = 24  # cells that every target is tried on
_LARGEST = 100_000
_MANY = 10  # different totals that share no factor by chance


def near_usual(sums: np.ndarray) -> np.ndarray:
    """Whether each sum is one of the usual targets, to one part in a thousand; bool, (cells,)."""
    return (np.abs(sums[:, None] / np.array(USUAL_TARGETS) - 1) < 1e-3).any(1)


def find_target(sums: np.ndarray, unit: np.ndarray) -> tuple[float, bool]:
    """Find the sum that all cells were scaled to, from what one count is worth in each cell.

    One count is worth `target / total`, and a total is a whole number. So `target / unit` is whole in every cell for
    the target and for its multiples; the smallest such number that no cell's sum exceeds is the target, if the totals
    have no common factor.

    Parameters
    ----------
    sums
        Sum of each cell's values, float64, (cells,).
    unit
        Value of one count in each cell, float64, (cells,).

    Returns
    -------
    tuple
        The target, or 0 if there is none, and whether the cells are too few to be sure.
    """
    if not len(sums):
        return 0.0, False
    largest = float(sums.max())
    tried = unit[np.linspace(0, len(unit) - 1, min(len(unit), _TRIED)).astype(int)]
    for target in USUAL_TARGETS:
        if target >= largest * (1 - 1e-3) and _whole(target / unit).mean() >= 0.9:
            divided, open_ = _without_common_factor(target, unit, largest)
            return divided, (bool(divided) and open_) or len(np.unique(np.round(unit, 9))) < _LISTED
    halves = np.arange(np.floor(2 * largest), 2 * _LARGEST) / 2
    if len(np.unique(tried)) < _SURE or not len(halves):
        return 0.0, len(np.unique(tried)) < _SURE
    for target in halves[_fits(halves, tried)]:
        if _whole(target / unit).mean() >= 0.9:
            return _without_common_factor(float(target), unit, largest)
    return 0.0, False


def _fits(targets: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Whether `target / unit` is a whole number in nearly all cells, for each target; bool, (targets,)."""
    off = np.zeros(len(targets), np.int64)
    for value in unit:
        off += ~_whole(targets / value)
    return off <= 0.1 * len(unit)


def _whole(totals: np.ndarray) -> np.ndarray:
    """Whether totals are whole, as far as float32 is precise; for larger totals it is not."""
    return (np.abs(totals - np.round(totals)) <= 0.02 + 1e-6 * totals) & (totals < _LARGEST)


def _without_common_factor(target: float, unit: np.ndarray, largest: float) -> tuple[float, bool]:
    """The target divided by the common factor of all totals, and whether chance may have made that factor."""
    totals = target / unit
    totals = np.round(totals[_whole(totals)]).astype(np.int64)
    factor = int(np.gcd.reduce(totals))
    if len(np.unique(totals)) >= _MANY and target / factor < largest * (1 - 1e-3):
        return 0.0, False  # cells exceed what they were scaled to: the largest genes were not counted, and none is gone
    while factor > 1 and target / factor < largest * (1 - 1e-3):
        factor //= min(d for d in range(2, factor + 1) if factor % d == 0)
    few = len(np.unique(totals)) < _MANY and factor > 1  # that a few totals are all even is no rare thing
    return target / factor, few
