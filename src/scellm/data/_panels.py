"""Two views of a cell that share no gene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scellm._random import draw_key, uniform
from scellm.data._counts import Counts
from scellm.data._thin import Thin
from scellm.data._view import PairedView

_PANEL = 0  # in place of a cell: the panels of a step are those of all its cells


@dataclass(frozen=True)
class Panels(PairedView):
    """Disjoint panels: the genes are halved at random, and each view sees one half, thinned.

    The two views of a cell share no gene, so they cannot be matched by the genes that both express (the views of
    sc-concept). All cells of a step have the same panels.

    Parameters
    ----------
    low, high
        As in :class:`Thin`: the share of the molecules of a panel that is kept.

    Raises
    ------
    ValueError
        If not 0 < low <= high <= 1.
    """

    low: float = 0.4
    high: float = 0.9

    def __post_init__(self) -> None:
        Thin(self.low, self.high)

    def pair(self, counts: Counts, key: int) -> tuple[Counts, Counts]:
        """Both panels; totals are those of the thinned cell over all genes, so that bins are as in whole cells."""
        first, second = (self._panel(counts, key, side) for side in (0, 1))
        return first, second

    def _panel(self, counts: Counts, key: int, side: int) -> Counts:
        thinned = Thin(self.low, self.high)(counts, draw_key(key, _PANEL, side + 1))
        of = (uniform(key, np.zeros(1), thinned.gene) < 0.5).astype(int)  # (tokens,)
        return thinned.keep(of == side, thinned.count, thinned.total)
