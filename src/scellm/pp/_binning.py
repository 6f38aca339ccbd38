"""From counts to tokens: `select`, then `Binning.bins`, for both `prepare` and the loaders of pretraining."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True)
class Binning:
    """How expression becomes a bin: `log(1 + target_sum * count / total)`, cut at `edges`.

    With edges 1, 2, ..., 5 the bin is the whole part of the log, at most 5. This is the published code; the paper
    (section 3.1) says "several bins". The cut is made on the linear scale, so no logarithm is computed.

    Parameters
    ----------
    target_sum
        Sum that a cell's counts are scaled to.
    log_base
        Base of the logarithm.
    edges
        Lower edges of bins 1, 2, ... on the log scale, ascending; bin 0 holds expressed genes below the first.
    """

    target_sum: float = 1e4
    log_base: float = float(np.e)
    edges: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0, 5.0)

    def to_dict(self) -> dict[str, str | float]:
        """Plain values for storage; no digit is lost."""
        edges = ",".join(repr(float(e)) for e in self.edges)
        return {"target_sum": self.target_sum, "log_base": self.log_base, "bin_edges": edges}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Read the output of :meth:`to_dict`; other keys are ignored."""
        edges = tuple(float(e) for e in stored["bin_edges"].split(","))
        return cls(float(stored["target_sum"]), float(stored["log_base"]), edges)

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return len(self.edges) + 1

    @property
    def thresholds(self) -> np.ndarray:
        """The edges as scaled counts, float64, (n_bins - 1,)."""
        return np.power(self.log_base, np.asarray(self.edges)) - 1.0

    def bins(self, counts: np.ndarray, totals: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Bin of each value.

        Parameters
        ----------
        counts
            Values above zero, packed, (tokens,).
        totals
            Total of each cell on the same scale, float64, (cells,).
        offsets
            Start of each cell, and the end of the last, (cells + 1,).

        Returns
        -------
        numpy.ndarray
            uint8, (tokens,).
        """
        # One rounding only (counts * target is exact), so that counts recovered from log1p give the same bins.
        scaled = np.multiply(counts, self.target_sum, dtype=np.float64)
        scaled /= np.repeat(totals, np.diff(offsets))
        out = np.zeros(len(scaled), np.uint8)
        for threshold in self.thresholds:
            out += scaled >= threshold
        return out


@dataclass(frozen=True)
class Columns:
    """Which column of a matrix holds which gene.

    Parameters
    ----------
    first
        The column that holds the gene: itself, or the first of several columns of one gene; -1 if unknown. int32,
        (genes,).
    """

    first: np.ndarray

    @classmethod
    def of(cls, ids: np.ndarray, usable: np.ndarray) -> Columns:
        """Columns from gene ids (-1: unknown); the first `usable` column of a gene holds it."""
        kept = np.flatnonzero((ids >= 0) & usable)
        holder = np.full(ids.max(initial=-1) + 1, -1, np.int32)
        holder[ids[kept[::-1]]] = kept[::-1]
        return cls(
            np.where(ids >= 0, holder[ids], -1).astype(np.int32) if len(holder) else np.full(len(ids), -1, np.int32)
        )

    @cached_property
    def role(self) -> np.ndarray:
        """0: dropped, 1: kept, 2: added to an earlier column. uint8, (genes,)."""
        return np.where(self.first < 0, 0, np.where(self.first == np.arange(len(self.first)), 1, 2)).astype(np.uint8)

    @cached_property
    def merges(self) -> bool:
        """Whether any gene has several columns."""
        return bool((self.role == 2).any())


def select(counts: sp.csr_matrix, columns: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Select the values above zero of known genes, each gene once.

    Parameters
    ----------
    counts
        Linear values, canonical CSR, (cells, genes).
    columns
        Which columns are known, and which are the same gene.

    Returns
    -------
    tuple of numpy.ndarray
        Column, (tokens,); value, columns of one gene summed, (tokens,); offsets of the cells, int64, (cells + 1,).
    """
    role = columns.role[counts.indices]
    keep = role == 1
    if counts.data.size and not counts.data.all():
        keep &= counts.data != 0
    kept = np.flatnonzero(keep)
    column, value, offsets = counts.indices[kept], counts.data[kept], np.searchsorted(kept, counts.indptr)
    if not columns.merges:
        return column, value, offsets
    late = np.flatnonzero((role == 2) & (counts.data != 0))
    return (
        _merge(column, value, offsets, counts, columns.first[counts.indices[late]], late)
        if len(late)
        else (column, value, offsets)
    )


def _merge(
    column: np.ndarray, value: np.ndarray, offsets: np.ndarray, counts: sp.csr_matrix, to: np.ndarray, late: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add the values of later columns to the first column of their gene, or insert them if it is empty."""
    n_rows, width = counts.shape
    row = np.searchsorted(counts.indptr, late, side="right") - 1
    place, which = np.unique(row * width + to, return_inverse=True)
    value = value.astype(np.float64)  # the sum of two columns may not fit their own dtype
    extra = np.bincount(which, weights=counts.data[late])
    stored = np.repeat(np.arange(n_rows) * width, np.diff(offsets)) + column  # ascending: rows are sorted
    at = np.searchsorted(stored, place)
    there = (
        (at < len(stored)) & (stored[np.minimum(at, len(stored) - 1)] == place)
        if len(stored)
        else np.zeros(len(at), bool)
    )
    value[at[there]] += extra[there]
    new = ~there
    column = np.insert(column, at[new], (place[new] % width).astype(column.dtype))
    value = np.insert(value, at[new], extra[new])
    added = np.bincount(place[new] // width, minlength=n_rows)
    return column, value, offsets + np.concatenate([[0], np.cumsum(added)])
