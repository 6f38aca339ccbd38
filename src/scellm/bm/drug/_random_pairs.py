"""Split by pairs: a line and a drug of a tested pair are both known from other pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scellm.bm.drug._drug_data import DrugData
from scellm.bm.drug._split import DrugSplit, require_two_sides, share_of


@dataclass(frozen=True)
class RandomPairs(DrugSplit):
    """Hold out a random share of all pairs (the paper's "random" split, with repeats merged).

    Parameters
    ----------
    test_size
        Share of the pairs that is tested.
    validation_size
        Share that is neither learned from nor tested, as the paper keeps for stopping early.
    """

    test_size: float = 0.1
    validation_size: float = 0.1

    def __call__(self, data: DrugData, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Pairs to learn from and to test."""
        known = data.known
        at = np.flatnonzero(known)
        aside = share_of(len(at), self.test_size + self.validation_size, rng)
        tested = aside.copy()
        inside = np.flatnonzero(aside)
        tested[inside[rng.permutation(len(inside))[round(self.test_size * len(at)) :]]] = False
        train, test = np.zeros(known.size, bool), np.zeros(known.size, bool)
        train[at[~aside]], test[at[tested]] = True, True
        return require_two_sides(train.reshape(known.shape), test.reshape(known.shape), "RandomPairs")
