"""Split by molecules: a tested drug is not learned from under any name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scellm.bm.drug._drug_data import DrugData
from scellm.bm.drug._split import DrugSplit, require_share, require_two_sides, share_of


@dataclass(frozen=True)
class UnseenDrugs(DrugSplit):
    """Hold out a random share of the molecules, with all their names.

    Parameters
    ----------
    test_size
        Share of the molecules that is tested.
    """

    test_size: float = 0.2

    def __post_init__(self) -> None:
        require_share(self.test_size, "UnseenDrugs(test_size)")

    def __call__(self, data: DrugData, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """All pairs of the drugs to learn from, and of those to test."""
        known, molecules = data.known, data.molecules
        names = molecules.drop_duplicates()
        chosen = set(names[share_of(len(names), self.test_size, rng)])
        tested = molecules.isin(chosen).to_numpy()[None]
        return require_two_sides(known & ~tested, known & tested, "UnseenDrugs")
