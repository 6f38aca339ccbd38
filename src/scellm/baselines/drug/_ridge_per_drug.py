"""One ridge regression for each drug."""

from __future__ import annotations

import numpy as np

from scellm.baselines.drug._kernel_baseline import KernelBaseline
from scellm.baselines.drug._kernel_ridge import solve

_LEAST = 5


class RidgePerDrug(KernelBaseline):
    """Kernel ridge from a line's profile for each drug, with a penalty for each by leave-one-out.

    Parameters
    ----------
    kernel
        "rbf" or "linear".
    """

    def _coefficients(self, similar: np.ndarray, values: np.ndarray) -> np.ndarray:
        out = np.zeros_like(values)
        for j in range(len(self.drugs)):  # drugs have different lines, so that each is a problem of its own
            own = np.flatnonzero(np.isfinite(values[:, j]))
            if len(own) >= _LEAST:
                target = values[own, j] - self.drug_mean[j]
                out[own, j] = solve(similar[np.ix_(own, own)], target[:, None])[:, 0]
        return out
