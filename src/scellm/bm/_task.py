"""What is asked: data, types, and a split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from anndata import AnnData

Split = Callable[[np.ndarray, pd.DataFrame, np.random.Generator], tuple[np.ndarray, np.ndarray]]


UNLABELED = ("unknown", "Unknown", "nan")
"""Words for "no type"."""


class Contender(Protocol):
    """Anything that learns types from some cells of an AnnData and tells those of others, such as the classes of `scellm.baselines`."""

    def fit(self, adata: AnnData, labels_key: str, *, indices: np.ndarray) -> Any:
        """Learn from `indices`; other cells may be looked at, but not their labels."""

    def predict(self, adata: AnnData, *, indices: np.ndarray) -> np.ndarray:
        """Names of types, (n,)."""


@dataclass(frozen=True)
class Task:
    """Types to be told.

    Parameters
    ----------
    name
        For the tables.
    adata
        Cells by genes.
    labels_key
        Column of `obs` with the types. Missing values and `unlabeled` are left out.
    split
        Which cells are learned from: `Stratified`, `FewLabels`, `LeaveOut`, `Across`, or a function `(types, obs, rng) -> (train, test)`.
    other
        Another data set to tell; its column has the same name.
    rename
        From names of types to common ones, in both data sets; a name that is not in it is left out. By default names stay.
    unlabeled
        Words for "no type".
    """

    name: str
    adata: AnnData
    labels_key: str
    split: Split
    other: AnnData | None = None
    rename: Mapping[str, str] | None = None
    unlabeled: tuple[str, ...] = UNLABELED

    def types(self, adata: AnnData) -> np.ndarray:
        """Common name of each cell's type, "" where it has none, (n_obs,)."""
        if self.labels_key not in adata.obs:
            msg = f"task {self.name!r}: labels_key={self.labels_key!r} is not in obs, which holds {list(adata.obs.columns)[:12]}."
            raise KeyError(msg)
        types = adata.obs[self.labels_key].astype(object)
        types = types.where(types.notna() & ~types.isin(self.unlabeled), "").astype(str)
        return (types if self.rename is None else types.map(self.rename).fillna("")).to_numpy(dtype=object)

    def rows(self, seed: int) -> tuple[np.ndarray, AnnData, np.ndarray]:
        """Rows to learn from; the data to tell and its rows."""
        types, rng = self.types(self.adata), np.random.default_rng(seed)
        train, test = self.split(types, self.adata.obs, rng)
        if self.other is None:
            return train, self.adata, test
        told = self.types(self.other)
        return train, self.other, np.flatnonzero((told != "") & np.isin(told, types[train]))
