"""The mean of each drug in each tissue."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from scellm.baselines.drug._base import DrugBaseline, tissues_of


class TissueDrugMean(DrugBaseline):
    """Mean of the drug in the tissue of the line, shrunk to the mean of the drug.

    Parameters
    ----------
    shrinkage
        Lines at the drug's mean that count in addition. A tissue that was not learned from gets the drugs' means.
    """

    def __init__(self, shrinkage: float = 3.0) -> None:
        self.shrinkage = shrinkage

    def _fit(self, lines: AnnData, values: np.ndarray) -> None:
        tissues = tissues_of(lines, self.tissue_key, "TissueDrugMean")
        names, index = np.unique(tissues, return_inverse=True)
        member = (index[None] == np.arange(len(names))[:, None]).astype(np.float64)  # (tissues, lines)
        rest = values - self.drug_mean
        n = member @ np.isfinite(rest)
        means = member @ np.nan_to_num(rest) / (n + self.shrinkage)
        self.by_tissue = dict(zip(names, means, strict=True))

    def _predict(self, lines: AnnData) -> np.ndarray:
        unknown = np.zeros(len(self.drugs))
        tissues = tissues_of(lines, self.tissue_key, "TissueDrugMean")
        return self.drug_mean + np.array([self.by_tissue.get(t, unknown) for t in tissues])
