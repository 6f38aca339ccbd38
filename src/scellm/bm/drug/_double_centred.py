"""Double centring: what is left of a table after the means of its rows and of its columns."""

from __future__ import annotations

import numpy as np

_ROUNDS, _ENOUGH = 50, 1e-9


def double_centred(table: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Remove row and column means in turns until both vanish (with gaps, one round is not enough).

    Parameters
    ----------
    table
        Values, (lines, drugs).
    known
        Which values count, bool, (lines, drugs).

    Returns
    -------
    numpy.ndarray
        float64, (lines, drugs); 0 where unknown.
    """
    x = np.where(known, table, 0.0).astype(np.float64)
    rows, columns = np.maximum(known.sum(1), 1), np.maximum(known.sum(0), 1)
    scale = np.abs(x).max(initial=0.0) or 1.0
    for _ in range(_ROUNDS):
        by_drug = x.sum(0) / columns
        x = np.where(known, x - by_drug, 0.0)
        by_line = x.sum(1) / rows
        x = np.where(known, x - by_line[:, None], 0.0)
        if max(np.abs(by_drug).max(initial=0.0), np.abs(by_line).max(initial=0.0)) < _ENOUGH * scale:
            break
    return x
