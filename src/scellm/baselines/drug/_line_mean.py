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

    def _predict(self, lines: AnnData) -> np.ndarray:
        return np.repeat(self._of(lines)[:, None], len(self.drugs), 1)

    def _of(self, lines: AnnData) -> np.ndarray:
        return np.array([self.means.get(name, self.overall) for name in lines.obs_names])

    def predict(self, lines: AnnData, drugs: Sequence[str]) -> pd.DataFrame:
        """Predicted responses, lines by drugs."""
        table = np.repeat(self._of(lines)[:, None], len(drugs), 1)
        return pd.DataFrame(table, index=lines.obs_names, columns=list(drugs))
