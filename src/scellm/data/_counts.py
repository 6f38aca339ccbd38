"""Counts of some cells, packed, before they are binned: the input of a view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scellm.pp._growing import let_go


@dataclass(frozen=True)
class Counts:
    """Counts above zero of some cells, one cell after another.

    Parameters
    ----------
    gene
        Gene ids, int32, (tokens,).
    count
        Counts, (tokens,); whole numbers if the data have them.
    offsets
        Start of each cell, and the end of the last, int64, (cells + 1,).
    total
        Counts of each cell over all its genes, known or not, float64, (cells,).
    cell
        Index of each cell in the data, (cells,); random views are keyed by it.
    """

    gene: np.ndarray
    count: np.ndarray
    offsets: np.ndarray
    total: np.ndarray
    cell: np.ndarray

    @property
    def cell_of_token(self) -> np.ndarray:
        """Position of the cell that each token belongs to, (tokens,)."""
        return np.repeat(np.arange(len(self.cell)), np.diff(self.offsets))

    @classmethod
    def gather(
        cls, gene: np.ndarray, count: np.ndarray, offsets: np.ndarray, total: np.ndarray, rows: np.ndarray
    ) -> Counts:
        """Take some cells out of the arrays of all, in the given order. (Indexing is as in `Tokens.positions`.)

        Parameters
        ----------
        gene, count
            Of all tokens, (tokens,), in memory or mapped; of mapped arrays, no page stays in memory.
        offsets
            Start of every cell, and the end of the last, (cells + 1,).
        total
            Of all cells, (cells,).
        rows
            Positions of the cells to take.
        """
        rows = np.asarray(rows)
        start, n = offsets[rows], offsets[rows + 1] - offsets[rows]
        own = np.concatenate([[0], np.cumsum(n)])
        at = np.arange(own[-1]) + np.repeat(start - own[:-1], n)  # (tokens,)
        found = cls(gene[at].astype(np.int32), count[at], own, total[rows], rows)
        let_go(gene, count)
        return found

    def keep(self, kept: np.ndarray, count: np.ndarray, total: np.ndarray) -> Counts:
        """Keep some tokens, with new counts and totals.

        Parameters
        ----------
        kept
            bool, (tokens,).
        count
            New counts, (tokens,).
        total
            New totals, (cells,).

        Returns
        -------
        Counts
            Fewer tokens, the same cells.
        """
        before = np.concatenate([[0], np.cumsum(kept)])
        return Counts(self.gene[kept], count[kept], before[self.offsets], total, self.cell)
