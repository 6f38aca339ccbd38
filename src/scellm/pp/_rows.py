"""Evidence about the values of a matrix, one entry per cell, from all its values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import scipy.sparse as sp

from scellm.pp._blocks import map_blocks
from scellm.pp._matrix import Matrix


@dataclass(frozen=True)
class RowFacts:
    """Plain facts about the values above or below zero of each cell.

    Parameters
    ----------
    n
        Number of values that are not zero, int64, (cells,).
    low, high
        Smallest and largest of them, float64; 0 if there are none.
    total
        Their sum, float64.
    finite
        Whether all are finite, bool.
    whole
        Whether all are whole numbers, to one part in a thousand, bool.
    strict
        Whether they are so exactly, bool.
    """

    n: np.ndarray
    low: np.ndarray
    high: np.ndarray
    total: np.ndarray
    finite: np.ndarray
    whole: np.ndarray
    strict: np.ndarray

    @classmethod
    def of(cls, matrix: Matrix) -> Self:
        """Read all values once."""
        return cls(*_joined(map_blocks(_facts, (block for _, block in matrix.blocks()))))


@dataclass(frozen=True)
class Inverse:
    """What the values of each cell are after a transformation is taken back.

    Parameters
    ----------
    unit
        The value of one count, if all values of the cell are whole multiples of one number, float64, (cells,).
    multiples
        Whether they are, bool; `True` for a cell without values.
    total
        Their sum, float64.
    """

    unit: np.ndarray
    multiples: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, matrix: Matrix, invert: Callable[[np.ndarray], np.ndarray], tolerance: float) -> Self:
        """Take a transformation back and look for multiples, for all values.

        Parameters
        ----------
        matrix
            Any matrix without negative values.
        invert
            From values, float64, to values on a linear scale.
        tolerance
            As for :func:`units`.
        """

        def work(block: sp.csr_matrix) -> Inverse:
            y = sp.csr_matrix((block.data.astype(np.float64), block.indices, block.indptr), shape=block.shape)
            y.eliminate_zeros()
            with np.errstate(over="ignore"):  # a wrong base may overflow, and is then not plausible
                y.data = invert(y.data)
            unit, multiples = units(y, tolerance)
            held = np.diff(y.indptr) > 0
            whole_unit, whole = np.ones(len(held)), np.ones(len(held), bool)
            whole_unit[held], whole[held] = unit, multiples
            return Inverse(whole_unit, whole, row_sums(y))

        return cls(*_joined(map_blocks(work, (block for _, block in matrix.blocks()))))


def _joined(found: Iterable[RowFacts | Inverse]) -> Iterator[np.ndarray]:
    """The facts of consecutive blocks, one array after another."""
    parts = list(found)
    for field in fields(parts[0]):
        yield np.concatenate([getattr(part, field.name) for part in parts])


def _facts(block: sp.csr_matrix) -> RowFacts:
    x = block.data.astype(np.float64)
    used = x != 0
    starts = block.indptr[:-1].astype(np.int64)
    stored = np.diff(block.indptr) > 0

    def reduce(ufunc: np.ufunc, values: np.ndarray, empty: float) -> np.ndarray:
        out = np.full(len(starts), empty, values.dtype)
        if stored.any():
            out[stored] = ufunc.reduceat(values, starts[stored])
        return out

    n = reduce(np.add, used.astype(np.int64), 0)
    low = reduce(np.minimum, np.where(used, x, np.inf), np.inf)
    high = reduce(np.maximum, np.where(used, x, -np.inf), -np.inf)
    with np.errstate(over="ignore", invalid="ignore"):  # NaN and infinite values are reported by the caller
        near = np.abs(x - np.round(x)) <= 1e-3
        return RowFacts(
            n=n,
            low=np.where(n > 0, low, 0.0),
            high=np.where(n > 0, high, 0.0),
            total=reduce(np.add, x, 0.0),
            finite=reduce(np.logical_and, np.isfinite(x), 1),
            whole=reduce(np.logical_and, near, 1) & ((high >= 1) | (n == 0)),
            strict=reduce(np.logical_and, x == np.floor(x), 1),
        )


def row_sums(x: sp.csr_matrix) -> np.ndarray:
    """Sum of each row, float64, (cells,)."""
    return np.asarray(x.sum(axis=1, dtype=np.float64)).ravel()


def units(y: sp.csr_matrix, tolerance: float = 3e-6) -> tuple[np.ndarray, np.ndarray]:
    """Value of one count in each row, if the row's values are whole multiples of one number.

    Parameters
    ----------
    y
        Linear values, without stored zeros.
    tolerance
        Relative error of a ratio; float32 holds a log of up to 9 to 5e-7, so a ratio to about one part in a million.

    Returns
    -------
    tuple of numpy.ndarray
        For each row that holds a value: the unit, float64, and whether every value is a whole multiple of it, bool. The
        unit is the smallest value if a gene was counted once in the cell; otherwise a half or a third of it is tried.
    """
    n = np.diff(y.indptr)
    held = n > 0
    starts = y.indptr[:-1][held]
    smallest = np.minimum.reduceat(y.data, starts) if held.any() else np.zeros(0)
    unit, whole = smallest.copy(), np.zeros(len(smallest), bool)
    for parts in (1, 2, 3):
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):  # of values that overflowed
            ratio = y.data / np.repeat(smallest / parts, n[held])
            off = ~(np.abs(ratio - np.round(ratio)) <= 1e-3 + tolerance * ratio)
        ok = np.add.reduceat(off, starts, dtype=np.int64) == 0 if held.any() else whole
        new = ok & ~whole
        unit[new] = smallest[new] / parts
        whole |= ok
        if whole.all():
            break
    return unit, whole
