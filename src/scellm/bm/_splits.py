"""Which cells are learned from and which are told, for one seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

Rows = np.ndarray


@dataclass(frozen=True)
class Stratified:
    """A share of every type is told.

    Parameters
    ----------
    test_size
        The share.
    min_cells
        Types with fewer cells are left out.
    """

    test_size: float = 0.2
    min_cells: int = 5

    def __call__(self, types: np.ndarray, obs: pd.DataFrame, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """Rows to learn from and to tell, of those with a type."""
        n_told = lambda n: min(max(round(self.test_size * n), 1), n - 1)
        return _by_type(types, rng, self.min_cells, lambda n: n - n_told(n))


@dataclass(frozen=True)
class FewLabels:
    """`k` cells of every type are learned from, the rest is told.

    Parameters
    ----------
    k
        Labelled cells a type.
    min_test
        Types with fewer than `k + min_test` cells are left out.
    """

    k: int = 5
    min_test: int = 5

    def __call__(self, types: np.ndarray, obs: pd.DataFrame, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """Rows to learn from and to tell, of those with a type."""
        return _by_type(types, rng, self.k + self.min_test, lambda n: self.k)


@dataclass(frozen=True)
class LeaveOut:
    """All cells of some groups, such as a donor or a study, are told. Types that the others lack are left out, as nobody could tell them.

    Parameters
    ----------
    key
        Column of `obs`.
    groups
        Its values to be told.
    """

    key: str
    groups: Sequence[str]

    def __call__(self, types: np.ndarray, obs: pd.DataFrame, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """Rows to learn from and to tell, of those with a type; a seed draws nine tenths of the cells to learn from."""
        if self.key not in obs:
            msg = f"LeaveOut(key={self.key!r}): obs holds {list(obs.columns)[:12]}. Pass one of these."
            raise KeyError(msg)
        group = obs[self.key].astype(str).to_numpy()
        told = np.isin(group, list(self.groups))
        if not told.any() or told.all():
            msg = f"LeaveOut(groups={list(self.groups)}): obs[{self.key!r}] holds {sorted(set(group))[:8]}. Name some of them, not all."
            raise ValueError(msg)
        known = types != ""
        train = np.flatnonzero(known & ~told)
        train = np.sort(rng.permutation(train)[: max(round(0.9 * len(train)), 1)])
        return train, np.flatnonzero(known & told & np.isin(types, types[train]))


@dataclass(frozen=True)
class Across:
    """Learn from all of one data set, tell another: the task's `other`. A seed draws nine tenths of the cells to learn from."""

    def __call__(self, types: np.ndarray, obs: pd.DataFrame, rng: np.random.Generator) -> tuple[Rows, Rows]:
        """Rows to learn from; what is told is all of the other data set."""
        train = np.flatnonzero(types != "")
        return np.sort(rng.permutation(train)[: max(round(0.9 * len(train)), 1)]), np.zeros(0, int)


def _by_type(
    types: np.ndarray, rng: np.random.Generator, least: int, n_learned: Callable[[int], int]
) -> tuple[Rows, Rows]:
    """The first cells of every type, in a random order, are learned from."""
    order = rng.permutation(np.flatnonzero(types != ""))
    frame = pd.DataFrame({"row": order, "type": types[order]})
    rank = frame.groupby("type").cumcount().to_numpy()
    size = frame.groupby("type")["row"].transform("size").to_numpy()
    learned = rank < np.vectorize(n_learned, otypes=[int])(size)
    kept = size >= least
    if frame["type"][kept].nunique() < 2:
        msg = f"Telling types apart takes at least two with {least} cells or more; found {dict(frame['type'].value_counts().head(4))}."
        raise ValueError(msg)
    return np.sort(order[kept & learned]), np.sort(order[kept & ~learned])
