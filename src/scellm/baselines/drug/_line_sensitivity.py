"""One number a line: the trap that a score of drug response has to avoid."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from scellm.baselines.drug._base import DrugBaseline, profiles_of
from scellm.baselines.drug._kernel_ridge import Kernel, solve


class LineSensitivity(DrugBaseline):
    """Mean of the drug + the general sensitivity of the line, by ridge from its profile.

    It knows nothing of which drug suits which line, and yet reaches most of a correlation per drug.

    Parameters
    ----------
    kernel
        "rbf" or "linear".
    """

    def __init__(self, kernel: str = "rbf") -> None:
        self.kind = kernel

    def _fit(self, lines: AnnData, values: np.ndarray) -> None:
        x = profiles_of(lines)
        self.kernel = Kernel.of(x, self.kind)
        general = np.nanmean(values - self.drug_mean, axis=1)  # (lines,)
        self.mean = float(general.mean())
        self.coefficients = solve(self.kernel(x), (general - self.mean)[:, None])

    def _predict(self, lines: AnnData) -> np.ndarray:
        general = self.mean + self.kernel(profiles_of(lines)) @ self.coefficients  # (lines, 1)
        return self.drug_mean[None] + general
