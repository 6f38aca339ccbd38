"""Task definitions: data, labels and a split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm._labels import Labels
from scellm.bm.metrics import LABELS, NUMBERS

Split = Callable[[np.ndarray, pd.DataFrame, np.random.Generator], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Task:
    """Cell-type prediction task.

    Parameters
    ----------
    name
        Name in tables.
    adata
        Cells by genes.
    labels_key
        Column of `obs` with the types. Missing values, words such as "unknown" and `unlabeled` are left out.
    split
        Which cells are trained on: `Stratified`, `FewLabels`, `LeaveOut`, `HashSplit`, `Across`, or a function
        `(types, obs, rng) -> (train, test)`.
    other
        Another data set to test on; its column has the same name.
    rename
        Common name of each type, for both data sets; types that are not in it are left out. By default names are
        unchanged.
    unlabeled
        Further words for "no type".
    """

    kind: ClassVar[str] = LABELS
    """Kind of prediction."""

    name: str
    adata: AnnData
    labels_key: str
    split: Split
    other: AnnData | None = None
    rename: Mapping[str, str] | None = None
    unlabeled: tuple[str, ...] = ()

    def column(self, adata: AnnData) -> pd.Series:
        """The column with the labels; raises KeyError if it is not there."""
        if self.labels_key not in adata.obs:
            msg = (
                f"task {self.name!r}: labels_key={self.labels_key!r} is not in obs, which holds "
                f"{list(adata.obs.columns)[:12]}."
            )
            raise KeyError(msg)
        return adata.obs[self.labels_key]

    def types(self, adata: AnnData) -> np.ndarray:
        """Common name of each cell's type, "" if it has none, (n_obs,)."""
        self.column(adata)
        types = pd.Series(Labels.of(adata.obs, self.labels_key, self.unlabeled, quiet=True).names, dtype=object)
        return (types if self.rename is None else types.map(self.rename).fillna("")).to_numpy(dtype=object)

    def truth(self, adata: AnnData, rows: np.ndarray) -> np.ndarray:
        """True types of some cells, (cells,)."""
        return self.types(adata)[rows].astype(str)

    def hidden(self, train: np.ndarray) -> pd.Series:
        """Labels for a method: those of the training cells; all others are hidden."""
        types = self.types(self.adata)
        shown = np.where(np.isin(np.arange(len(types)), train), types, "")
        return pd.Series(pd.Categorical(shown), index=self.adata.obs_names)

    def rows(self, seed: int) -> tuple[np.ndarray, AnnData, np.ndarray]:
        """Training cells, test data, and test cells of a seed."""
        types, rng = self.types(self.adata), np.random.default_rng(seed)
        train, test = self.split(types, self.adata.obs, rng)
        if self.other is None:
            return train, self.adata, test
        others = self.types(self.other)
        return train, self.other, np.flatnonzero((others != "") & np.isin(others, types[train]))


@dataclass(frozen=True)
class NumberTask(Task):
    """Predict a number per cell, such as a dose or a score.

    Parameters
    ----------
    name, adata, labels_key, split, other, rename, unlabeled
        As for :class:`Task`; `labels_key` is a column of numbers, missing values are left out, and `split` is usually
        `RandomCells`. `rename` and `unlabeled` have no meaning here.
    """

    kind: ClassVar[str] = NUMBERS

    def types(self, adata: AnnData) -> np.ndarray:
        """The word "known" for cells with a number, "" for others, (n_obs,)."""
        return np.where(self.column(adata).notna(), "known", "").astype(object)

    def truth(self, adata: AnnData, rows: np.ndarray) -> np.ndarray:
        """The numbers of some cells, float64, (cells,)."""
        return self.column(adata).to_numpy(dtype=float)[rows]

    def hidden(self, train: np.ndarray) -> pd.Series:
        """The numbers of the training cells; NaN for all others."""
        shown = np.full(self.adata.n_obs, np.nan)
        shown[train] = self.truth(self.adata, train)
        return pd.Series(shown, index=self.adata.obs_names)
