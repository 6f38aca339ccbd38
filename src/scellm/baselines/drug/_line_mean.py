"""The mean of each line: what is known of a drug that was never measured, without its molecule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm.baselines.drug._base import DrugBaseline


class LineMean(DrugBaseline):
    """The mean of each line over the training drugs, for any drug; other lines get the mean of all."""

    def _fit(self, lines: AnnData, values: np.ndarray) -> None:
        self.means = dict(zip(self.lines, np.nanmean(values, 1), strict=True))

    def predict(self, lines: AnnData, drugs: Sequence[str]) -> pd.DataFrame:
        """Predicted responses, lines by drugs."""
        means = np.array([self.means.get(name, self.overall) for name in lines.obs_names])
        table = np.repeat(means[:, None], len(drugs), 1)
        return pd.DataFrame(table, index=lines.obs_names, columns=list(drugs))
