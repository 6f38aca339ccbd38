"""Split by lines: a tested line has no pair among those learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scellm.bm.drug._drug_data import DrugData
from scellm.bm.drug._share_split import ShareSplit
from scellm.bm.drug._split import share_of


@dataclass(frozen=True)
class UnseenLines(ShareSplit):
    """Hold out a random share of the lines.

    Parameters
    ----------
    test_size
        Share of the lines that is tested.
    """

    def tested(self, data: DrugData, rng: np.random.Generator) -> np.ndarray:
        """The tested lines, (lines, 1)."""
        return share_of(len(data.responses), self.test_size, rng)[:, None]
