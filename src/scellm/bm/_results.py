"""What came out of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Results:
    """Scores, and what every contender said of every cell.

    Parameters
    ----------
    table
        Tidy: `task`, `contender`, `seed`, `metric`, `value`, one score a row; and `seconds`, for fitting and telling.
    told
        For each task and seed, the true types and those that each contender told, by name, (cells,) each; "truth" is one of the keys.
    rows
        For each task and seed, which rows of the data set those cells are, (cells,).
    """

    table: pd.DataFrame
    told: dict[tuple[str, int], dict[str, np.ndarray]]
    rows: dict[tuple[str, int], np.ndarray]

    def __repr__(self) -> str:
        n = self.table[["task", "contender", "seed"]].nunique()
        return f"Results: {n['task']} tasks, {n['contender']} contenders, {n['seed']} seeds. scellm.bm.summary(results) sums them up."
