"""The mean of each drug in each tissue."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm.baselines.drug._base import KnownDrugs, tissues_of
from scellm.bm.drug._tissue_mean import SHRINKAGE, tissue_deviations


class TissueDrugMean(KnownDrugs):
    """Mean of the drug in the tissue of the line, shrunk to the mean of the drug.

    Parameters
    ----------
    shrinkage
        Lines at the drug's mean that count in addition. A tissue that was not learned from gets the drugs' means.
    """

    def __init__(self, shrinkage: float = SHRINKAGE) -> None:
        self.shrinkage = shrinkage

    def _fit(self, lines: AnnData, values: np.ndarray) -> None:
        tissues = tissues_of(lines, self.tissue_key, "TissueDrugMean")
        rest = pd.DataFrame(values - self.drug_mean)
        self.by_tissue = tissue_deviations(rest, pd.Series(tissues), self.shrinkage)

    def _predict(self, lines: AnnData) -> np.ndarray:
        tissues = tissues_of(lines, self.tissue_key, "TissueDrugMean")
        return self.drug_mean + self.by_tissue.reindex(tissues).fillna(0.0).to_numpy()
