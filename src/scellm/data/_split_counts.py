"""Count splitting: two halves of a cell's molecules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scellm._random import uniform
from scellm.data._counts import Counts
from scellm.data._thin import thin
from scellm.data._view import PairedView

_REST = -1  # in place of a gene: molecules outside the vocabulary


@dataclass(frozen=True)
class SplitCounts(PairedView):
    """Count splitting: each molecule goes to the first view with probability `share`, else to the second.

    If the counts are Poisson, the two views are independent given the cell's expression (Neufeld et al. 2023), so what
    is predicted of one from the other is not noise that both share.

    Parameters
    ----------
    share
        Probability of the first view.

    Raises
    ------
    ValueError
        If not 0 < share < 1.
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            msg = f"SplitCounts needs a share above 0 and below 1; found {self.share}."
            raise ValueError(msg)

    def pair(self, counts: Counts, key: int) -> tuple[Counts, Counts]:
        """Both parts; together they hold every molecule once."""
        of = counts.cell_of_token
        n = counts.count.astype(np.int64)
        first = thin(n, np.full(len(n), self.share), uniform(key, counts.cell[of], counts.gene))  # (tokens,)
        cells = len(counts.cell)
        known = np.bincount(of, weights=n, minlength=cells).astype(np.int64)
        rest = np.maximum(np.round(counts.total).astype(np.int64) - known, 0)  # (cells,)
        own = thin(rest, np.full(cells, self.share), uniform(key, counts.cell, _REST))
        halves = ((first, own), (n - first, rest - own))
        a, b = (
            counts.keep(part > 0, part, np.bincount(of, weights=part, minlength=cells) + outside)
            for part, outside in halves
        )
        return a, b
