"""Splits: the training and test cells of a task, for one seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

Indices = np.ndarray


@dataclass(frozen=True)
class Stratified:
    """Stratified hold-out: the same share of every type is held out for testing.

    Parameters
    ----------
    test_size
        Share of the cells that is tested.
    min_cells
        Types with fewer cells are left out.
    """

    test_size: float = 0.2
    min_cells: int = 5

    def __call__(self, types: np.ndarray, obs: pd.DataFrame, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Training and test cells, of those with a type."""
        n_test = lambda n: min(max(round(self.test_size * n), 1), n - 1)
        return _by_type(types, rng, self.min_cells, lambda n: n - n_test(n))


@dataclass(frozen=True)
class FewLabels:
    """`k` cells per type are trained on; the rest is the test set.

    Parameters
    ----------
    k
        Labelled cells per type.
    min_test
        Types with fewer than `k + min_test` cells are left out.
    """

    k: int = 5
    min_test: int = 5

    def __post_init__(self) -> None:
        if self.k < 1 or self.min_test < 1:
            msg = f"FewLabels needs k and min_test of at least 1; found {self.k} and {self.min_test}."
            raise ValueError(msg)

    def __call__(self, types: np.ndarray, obs: pd.DataFrame, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Training and test cells, of those with a type."""
        return _by_type(types, rng, self.k + self.min_test, lambda n: self.k)


@dataclass(frozen=True)
class LeaveOut:
    """Test on all cells of some groups, such as a donor or a study.

    Types that occur only in these groups are left out, since they cannot be predicted.

    Parameters
    ----------
    key
        Column of `obs`.
    groups
        Values of that column to test on.
    """

    key: str
    groups: Sequence[str]

    def __call__(self, types: np.ndarray, obs: pd.DataFrame, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Training and test cells, of those with a type; each seed draws nine tenths of the training cells."""
        if self.key not in obs:
            msg = f"LeaveOut(key={self.key!r}) is not in obs, which holds {list(obs.columns)[:12]}. Pass one of these."
            raise KeyError(msg)
        group = obs[self.key].astype(str).to_numpy()
        tested = np.isin(group, [str(g) for g in self.groups])
        if not tested.any() or tested.all():
            msg = (
                f"LeaveOut(groups={list(self.groups)}): obs[{self.key!r}] holds {sorted(set(group))[:8]}. Name some of "
                "them, not all."
            )
            raise ValueError(msg)
        missing = sorted({str(g) for g in self.groups} - set(group))
        if missing:
            there = sorted(set(group))[:8]
            msg = f"LeaveOut(groups=...): {missing[:4]} are not in obs[{self.key!r}], which holds {there}."
            raise ValueError(msg)
        known = types != ""
        train = _nine_tenths(np.flatnonzero(known & ~tested), rng)
        return train, np.flatnonzero(known & tested & np.isin(types, types[train]))


@dataclass(frozen=True)
class Across:
    """Train on one data set, test on another, the task's `other`. Each seed draws nine tenths of the training cells."""

    def __call__(self, types: np.ndarray, obs: pd.DataFrame, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Training cells; the test cells are all of the other data set."""
        return _nine_tenths(np.flatnonzero(types != ""), rng), np.zeros(0, int)


@dataclass(frozen=True)
class RandomCells:
    """Hold out a random share of all cells, whatever their label; for tasks of numbers.

    Parameters
    ----------
    test_size
        Share of the cells that is tested.
    """

    test_size: float = 0.2

    def __call__(self, types: np.ndarray, obs: pd.DataFrame, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Training and test cells, of those with a label."""
        order = rng.permutation(np.flatnonzero(types != ""))
        n_test = min(max(round(self.test_size * len(order)), 1), max(len(order) - 1, 0))
        return np.sort(order[n_test:]), np.sort(order[:n_test])


@dataclass(frozen=True)
class HashSplit:
    """Hold out the cells whose names say so: the same ones in every run, with every seed, and in any part of the data.

    A cell is tested or not by a hash of its name in `obs`, so a test set cannot be drawn again until it suits,
    unless `key` is changed. Each seed draws nine tenths of the other cells to learn from; test cells of a type that is
    not among them are left out.

    Parameters
    ----------
    test_size
        Share of the cells that is tested, about.
    key
        Word that gives another test set. Publish it.
    """

    test_size: float = 0.2
    key: str = "scellm"

    def __post_init__(self) -> None:
        if not 0 < self.test_size < 1 or not isinstance(self.key, str):
            msg = f"HashSplit needs a share between 0 and 1 and a word as key; found {self.test_size}, {self.key!r}."
            raise ValueError(msg)

    def __call__(self, types: np.ndarray, obs: pd.DataFrame, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Training and test cells, of those with a type."""
        key = hashlib.blake2b(self.key.encode(), digest_size=8).hexdigest()  # the 16 letters that pandas needs
        hashed = pd.util.hash_array(obs.index.to_numpy(object), hash_key=key)
        tested = hashed / 2.0**64 < self.test_size
        train = _nine_tenths(np.flatnonzero((types != "") & ~tested), rng)
        return train, np.flatnonzero((types != "") & tested & np.isin(types, types[train]))


def _nine_tenths(train: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.permutation(train)[: max(round(0.9 * len(train)), 1)])


def _by_type(
    types: np.ndarray, rng: np.random.Generator, least: int, n_train: Callable[[int], int]
) -> tuple[Indices, Indices]:
    """Train on the first cells of every type, in a random order."""
    order = rng.permutation(np.flatnonzero(types != ""))
    frame = pd.DataFrame({"row": order, "type": types[order]})
    rank = frame.groupby("type").cumcount().to_numpy()
    size = frame.groupby("type")["row"].transform("size").to_numpy()
    trained = rank < np.vectorize(n_train, otypes=[int])(size)
    kept = size >= least
    if frame["type"][kept].nunique() < 2:
        found = dict(frame["type"].value_counts().head(4))
        msg = f"Predicting types needs at least two with {least} cells or more; found {found}."
        raise ValueError(msg)
    return np.sort(order[kept & trained]), np.sort(order[kept & ~trained])
