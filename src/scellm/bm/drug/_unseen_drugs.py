"""Split by molecules: a tested drug is not learned from under any name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scellm.bm.drug._drug_data import DrugData
from scellm.bm.drug._share_split import ShareSplit
from scellm.bm.drug._split import share_of


@dataclass(frozen=True)
class UnseenDrugs(ShareSplit):
    """Hold out a random share of the molecules, with all their names.

    Parameters
    ----------
    test_size
        Share of the molecules that is tested.
    """

    def tested(self, data: DrugData, rng: np.random.Generator) -> np.ndarray:
        """The drugs that are a tested molecule, (1, drugs)."""
        names = data.molecules.drop_duplicates()
        chosen = names[share_of(len(names), self.test_size, rng)]
        return data.molecules.isin(chosen).to_numpy()[None]
