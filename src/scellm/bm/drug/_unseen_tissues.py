"""Split by tissue: no line of a tested tissue is learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scellm.bm.drug._drug_data import DrugData
from scellm.bm.drug._split import DrugSplit, groups_of, require_share, require_two_sides


@dataclass(frozen=True)
class UnseenTissues(DrugSplit):
    """Hold out whole tissues (`tissue_key` of the data) until a share of the lines is reached.

    Parameters
    ----------
    test_size
        Share of the lines that is tested.
    """

    test_size: float = 0.2

    def __post_init__(self) -> None:
        require_share(self.test_size, "UnseenTissues(test_size)")

    def __call__(self, data: DrugData, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """All pairs of the lines to learn from, and of those to test."""
        known = data.known
        tested = groups_of(data.tissues, self.test_size, rng)[:, None]
        return require_two_sides(known & ~tested, known & tested, "UnseenTissues")
