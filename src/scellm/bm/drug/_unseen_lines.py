"""Split by lines: a tested line has no pair among those learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scellm.bm.drug._drug_data import DrugData
from scellm.bm.drug._split import DrugSplit, require_share, require_two_sides, share_of


@dataclass(frozen=True)
class UnseenLines(DrugSplit):
    """Hold out a random share of the lines.

    Parameters
    ----------
    test_size
        Share of the lines that is tested.
    """

    test_size: float = 0.2

    def __post_init__(self) -> None:
        require_share(self.test_size, "UnseenLines(test_size)")

    def __call__(self, data: DrugData, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """All pairs of the lines to learn from, and of those to test."""
        known = data.known
        tested = share_of(len(known), self.test_size, rng)[:, None]
        return require_two_sides(known & ~tested, known & tested, "UnseenLines")
