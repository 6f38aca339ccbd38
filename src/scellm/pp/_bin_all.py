"""Read a matrix once and bin it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from scellm.pp._binning import Binning, Columns, select
from scellm.pp._blocks import map_blocks
from scellm.pp._expression import Expression
from scellm.pp._rows import row_sums


@dataclass(frozen=True)
class Binned:
    """The bins of all cells, and how much of their expression they hold.

    Parameters
    ----------
    bins
        Bin + 1, CSR uint8, (cells, columns).
    kept, total
        Counts of each cell in known genes, and in all genes, float64, (cells,).
    """

    bins: sp.csr_matrix
    kept: np.ndarray
    total: np.ndarray

    @property
    def share(self) -> float:
        """Share of all counts in known genes."""
        total = self.total.sum()
        return float(self.kept.sum() / total) if total else 1.0

    def below(self, floor: float) -> np.ndarray:
        """Cells of whose counts known genes hold a smaller share than `floor`, bool, (cells,)."""
        return (self.kept < floor * self.total) & (self.total > 0)


def bin_all(expression: Expression, columns: Columns, target: np.ndarray, width: int, binning: Binning) -> Binned:
    """Bin every cell. Blocks are written to preallocated arrays: there is no second copy.

    Parameters
    ----------
    expression
        The matrix, and the kind of its values.
    columns
        Its columns that hold genes.
    target
        For each of its columns, the column of the result, (columns,).
    width
        Columns of the result.
    binning
        The bins.
    """
    target = target.astype(np.int32)

    def work(rows: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        counts, totals = expression.linear(rows)
        key, values, offsets = select(counts, columns)
        bins = binning.bins(values, totals, offsets) + np.uint8(1)
        here = row_sums(counts) if expression.detected.target else totals
        sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
        return target[key], bins, offsets, np.diff(sums[offsets]), here

    n = expression.matrix.shape[0]
    room = expression.matrix.n_stored  # an upper bound; memory pages that are never written cost nothing
    column, value, indptr = _Growing(np.int32, room), _Growing(np.uint8, room), np.zeros(n + 1, np.int64)
    kept, total = np.zeros(n), np.zeros(n)
    start = 0
    blocks = (rows for _, rows in expression.matrix.blocks())
    for key, bins, offsets, block_kept, block_total in map_blocks(work, blocks):
        stop = start + len(offsets) - 1
        indptr[start + 1 : stop + 1] = len(column) + offsets[1:]
        kept[start:stop], total[start:stop] = block_kept, block_total
        start = stop
        column.extend(key)
        value.extend(bins)
    index = np.int32 if len(column) <= np.iinfo(np.int32).max else np.int64
    out = sp.csr_matrix((n, width), dtype=np.uint8)
    out.data, out.indices, out.indptr = value.finish(), column.finish().astype(index, copy=False), indptr.astype(index)
    out.sort_indices()
    return Binned(out, kept, total)


class _Growing:
    """An array that grows at its end."""

    def __init__(self, dtype: type, room: int = 0) -> None:
        self._data: np.ndarray = np.empty(room, dtype)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def extend(self, values: np.ndarray) -> None:
        """Append values."""
        if self._n + len(values) > len(self._data):
            larger = np.empty(max(len(self._data) * 5 // 4, self._n + len(values)), self._data.dtype)
            larger[: self._n] = self._data[: self._n]
            self._data = larger
        self._data[self._n : self._n + len(values)] = values
        self._n += len(values)

    def finish(self) -> np.ndarray:
        """The values; unused memory is released in place."""
        self._data.resize(self._n, refcheck=False)
        return self._data
