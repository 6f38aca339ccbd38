"""One ridge regression for each drug."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from scellm.baselines.drug._base import DrugBaseline, profiles_of
from scellm.baselines.drug._kernel_ridge import Kernel, solve

_LEAST = 5


class RidgePerDrug(DrugBaseline):
    """Kernel ridge from a line's profile for each drug, with a penalty for each by leave-one-out.

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
        similar = self.kernel(x)
        self.coefficients = np.zeros((len(x), len(self.drugs)))
        for j in range(len(self.drugs)):  # drugs have different lines, so that each is a problem of its own
            own = np.flatnonzero(np.isfinite(values[:, j]))
            if len(own) >= _LEAST:
                target = values[own, j] - self.drug_mean[j]
                self.coefficients[own, j] = solve(similar[np.ix_(own, own)], target[:, None])[:, 0]

    def _predict(self, lines: AnnData) -> np.ndarray:
        return self.drug_mean + self.kernel(profiles_of(lines)) @ self.coefficients
