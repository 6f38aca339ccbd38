"""The base of splits that hold out a share of the lines, or of the drugs."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from scellm.bm.drug._drug_data import DrugData
from scellm.bm.drug._split import DrugSplit, require_share, require_two_sides


@dataclass(frozen=True)
class ShareSplit(DrugSplit):
    """Hold out a share of something; a subclass says of what.

    Parameters
    ----------
    test_size
        The share that is tested.
    """

    test_size: float = 0.2

    def __post_init__(self) -> None:
        require_share(self.test_size, f"{type(self).__name__}(test_size)")

    def __call__(self, data: DrugData, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """All pairs to learn from, and all to test."""
        known, tested = data.known, self.tested(data, rng)
        return require_two_sides(known & ~tested, known & tested, type(self).__name__)

    @abstractmethod
    def tested(self, data: DrugData, rng: np.random.Generator) -> np.ndarray:
        """What is tested, bool, (lines, 1) or (1, drugs)."""
