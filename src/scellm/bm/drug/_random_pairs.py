"""Split by pairs: a line and a drug of a tested pair are both known from other pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scellm.bm.drug._drug_data import DrugData
from scellm.bm.drug._split import DrugSplit, require_share, require_two_sides, share_of


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

    def __post_init__(self) -> None:
        require_share(self.test_size, "RandomPairs(test_size)")
        require_share(self.test_size + self.validation_size, "RandomPairs(test_size + validation_size)")

    def __call__(self, data: DrugData, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Pairs to learn from and to test."""
        known = data.known
        row, column = np.nonzero(known)
        molecule = pd.factorize(data.molecules)[0]
        _, pair = np.unique(row * len(molecule) + molecule[column], return_inverse=True)  # two names are one pair
        n = int(pair.max(initial=-1)) + 1
        held_out = share_of(n, self.test_size + self.validation_size, rng)
        tested, inside = held_out.copy(), np.flatnonzero(held_out)
        tested[inside[rng.permutation(len(inside))[round(self.test_size * n) :]]] = False
        train, test = np.zeros_like(known), np.zeros_like(known)
        train[row, column], test[row, column] = ~held_out[pair], tested[pair]
        return require_two_sides(train, test, "RandomPairs")
