"""The mean of each drug: what is known without looking at a line."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from scellm.baselines.drug._base import KnownDrugs


class DrugMean(KnownDrugs):
    """The mean of each drug over the training lines."""

    def _fit(self, lines: AnnData, values: np.ndarray) -> None:
        pass

    def _predict(self, lines: AnnData) -> np.ndarray:
        return np.repeat(self.drug_mean[None], lines.n_obs, 0)
