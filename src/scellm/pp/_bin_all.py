"""Read a matrix once and bin it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from scellm._on_disk import blocks_of, rows_between
from scellm.pp._binning import Binning, Columns, select
from scellm.pp._blocks import map_blocks
from scellm.pp._expression import Expression
from scellm.pp._growing import Growing, InMemory, OnDisk, widened
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

    The bins of a matrix on disk go to a temporary file, and memory does not grow with them.

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
        return *_sorted(target[key], bins, offsets), offsets, np.diff(sums[offsets]), here

    n = expression.matrix.shape[0]
    column, value = _growing(expression, np.int32), _growing(expression, np.uint8)
    indptr = np.zeros(n + 1, np.int64)
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
    return Binned(_csr(value.finish(), column.finish(), indptr, width), kept, total)


def mapped_rows(x: Any) -> sp.csr_matrix:
    """Bins that were written to a file, as those of data on disk are kept: in a temporary file, for rows in any order.

    Parameters
    ----------
    x
        Bin + 1, (cells, columns), on disk.
    """
    column, value, indptr = OnDisk(np.int32), OnDisk(np.uint8), [np.zeros(1, np.int64)]
    for start, stop in blocks_of(x):
        rows = sp.csr_matrix(rows_between(x, start, stop))
        rows.sort_indices()
        column.extend(rows.indices)
        value.extend(rows.data)
        indptr.append(indptr[-1][-1] + rows.indptr[1:].astype(np.int64))
    return _csr(value.finish(), column.finish(), np.concatenate(indptr), x.shape[1])


def _growing(expression: Expression, dtype: type) -> Growing:
    """An array for the bins, or for their columns, where the matrix itself is."""
    matrix = expression.matrix
    return OnDisk(dtype) if matrix.on_disk else InMemory(dtype, matrix.n_stored)  # n_stored: an upper bound


def _sorted(column: np.ndarray, bins: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns in ascending order within each cell, as CSR wants them, and their bins."""
    rows = sp.csr_matrix((bins, column, offsets), shape=(len(offsets) - 1, int(column.max(initial=0)) + 1))
    rows.sort_indices()
    return rows.indices, rows.data


def _csr(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, width: int) -> sp.csr_matrix:
    """CSR over the given arrays, whose columns are sorted, without a copy.

    Row starts beyond int32 need columns of the same type, as SciPy would convert all of them at every access.
    """
    large = len(indices) > np.iinfo(np.int32).max
    out = sp.csr_matrix((len(indptr) - 1, width), dtype=np.uint8)
    out.data, out.indices = data, widened(indices) if large else indices
    out.indptr = indptr if large else indptr.astype(np.int32)
    out.has_sorted_indices = True
    return out
