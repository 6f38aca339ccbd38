"""A source of cells for pretraining: the common interface of an AnnData and a corpus."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

import numpy as np
import pandas as pd
from torch.utils.data import Dataset

from scellm._inputs import cell_positions
from scellm._tokens import Tokens
from scellm.data._batch import Batch
from scellm.data._samplers import RowOrder
from scellm.data._view import View, identity
from scellm.pp import Binning


@dataclass(frozen=True)
class SourceOptions:
    """Options for drawing cells from a source.

    Parameters
    ----------
    binning
        The bins of the model.
    indices
        Cells that may be drawn; by default all.
    views
        One function for each of the two views.
    seed
        Seed of all draws.
    power, block
        Options of :class:`SourceBalancedSampler`, for data of several sources.
    together
        Cells of one cluster that follow each other; 0: clusters are not used.
    """

    binning: Binning
    indices: Sequence[int] | np.ndarray | None = None
    views: tuple[View, View] = (identity, identity)
    seed: int = 0
    power: float = 0.5
    block: int = 1
    together: int = 0

    def rows(self, n: int) -> np.ndarray:
        """The indices of the cells that may be drawn, of `n`."""
        rows = cell_positions(self.indices, pd.RangeIndex(n))
        if not len(rows):
            msg = "indices= leaves no cell to learn from. Pass positions of cells, or nothing for all."
            raise ValueError(msg)
        return rows


class CellSource(ABC):
    """Cells to pretrain on. To add a kind of source, write a file with a subclass and list it in `SOURCES`.

    Attributes
    ----------
    dataset
        Indexed by `(step, rows)`; returns a batch with `gene`, `bin`, `offsets`, label columns, the numbers of source
        and cluster if there are any, and perhaps a second view with the suffix "_b".
    order
        The order of cells in an epoch.
    """

    dataset: Dataset
    order: RowOrder

    @classmethod
    @abstractmethod
    def accepts(cls, data: Any) -> bool:
        """Whether this class can read `data`."""

    @classmethod
    @abstractmethod
    def of(cls, data: Any, options: SourceOptions) -> Self:
        """Open `data`."""

    @abstractmethod
    def whole(self, rows: np.ndarray) -> Batch:
        """Tokens of some cells, unchanged by any view."""

    def first(self, n: int, seed: int) -> Tokens:
        """Tokens of the first `n` cells of the first epoch, unchanged by any view."""
        return Tokens.of(self.whole(np.sort(self.order.epoch(0, seed)[:n])))

    def groups(self, n: int, seed: int) -> np.ndarray:
        """Clusters of the same cells as :meth:`first`, a number for each; raises ValueError if there are none."""
        msg = f"{type(self).__name__} has no clusters of cells. Pass whiten=None and positives='views'."
        raise ValueError(msg)

    @abstractmethod
    def labelled(self) -> dict[str, int]:
        """For each label column of a batch, how many cells have a label."""

    @abstractmethod
    def names(self) -> Any:
        """Identifiers of the cells that may be drawn: their names, or their indices in a fixed set."""

    def describe(self) -> dict[str, Any]:
        """Plain values for the checkpoint, so that a run cannot be resumed with another source."""
        names = pd.Index(self.names())
        return {"cells": sha256(pd.util.hash_pandas_object(names, index=False).to_numpy().tobytes()).hexdigest()}
