"""Views of a cell for contrastive pretraining: functions of counts, keyed by seed, step, view and cell."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from scellm.data._counts import Counts

View = Callable[[Counts, int], Counts]
"""Function of counts and the key of the draw. The same key and cell give the same view, in any batch."""


def identity(counts: Counts, key: int) -> Counts:
    """The cell unchanged; two views then differ by dropout alone (paper, section 3.3)."""
    return counts


class PairedView(ABC):
    """Two views that are drawn together, such as two halves of a cell. As a function, it gives the first."""

    @abstractmethod
    def pair(self, counts: Counts, key: int) -> tuple[Counts, Counts]:
        """Both views of each cell, in the order of `counts`; the same key and cell give the same views."""

    def __call__(self, counts: Counts, key: int) -> Counts:
        """The first view."""
        return self.pair(counts, key)[0]
