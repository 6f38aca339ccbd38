"""Intervals of a difference, and what they establish."""

from __future__ import annotations

import numpy as np


def interval(draws: np.ndarray, level: float) -> tuple[float, float]:
    """Quantiles of the mean over seeds; NaN if no draw is defined.

    Parameters
    ----------
    draws
        Differences, NaN where undefined, (seeds, draws).
    level
        Confidence level.
    """
    defined = draws[:, np.isfinite(draws).any(0)]
    if not defined.size:
        return float("nan"), float("nan")
    low, high = np.quantile(np.nanmean(defined, axis=0), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def verdict(low: float, high: float, *, higher_is_better: bool) -> str:
    """What an interval establishes: "better", "worse", or "not established" if it contains 0 or is not defined."""
    if not np.isfinite([low, high]).all() or low <= 0 <= high:
        return "not established"
    return "better" if (low > 0) == higher_is_better else "worse"
