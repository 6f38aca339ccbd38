"""Split by tissue: no line of a tested tissue is learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scellm.bm.drug._drug_data import DrugData
from scellm.bm.drug._share_split import ShareSplit
from scellm.bm.drug._split import groups_of


@dataclass(frozen=True)
class UnseenTissues(ShareSplit):
    """Hold out whole tissues (`tissue_key` of the data) until a share of the lines is reached.

    Parameters
    ----------
    test_size
        Share of the lines that is tested.
    """

    def tested(self, data: DrugData, rng: np.random.Generator) -> np.ndarray:
        """The lines of the tested tissues, (lines, 1)."""
        return groups_of(data.tissues, self.test_size, rng)[:, None]
