"""Ridge on a denoised table of responses: the strongest simple baseline on unseen lines."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from scellm.baselines.drug._base import DrugBaseline, profiles_of
from scellm.baselines.drug._factorization import factorized
from scellm.baselines.drug._kernel_ridge import Kernel, solve


def denoised(values: np.ndarray, drug_mean: np.ndarray, rank: int) -> np.ndarray:
    """Deviations from the drugs' means, complete: half as measured and half by factors, or by factors where unknown.

    Parameters
    ----------
    values
        NaN where unknown, (lines, drugs).
    drug_mean
        (drugs,).
    rank
        Number of factors.

    Returns
    -------
    numpy.ndarray
        float64, (lines, drugs).
    """
    known = np.isfinite(values)
    fitted = factorized(values, rank) - drug_mean
    return np.where(known, 0.5 * (np.where(known, values, 0.0) - drug_mean) + 0.5 * fitted, fitted)


class DenoisedRidge(DrugBaseline):
    """Kernel ridge from a line's profile to all drugs at once, on responses denoised by low-rank factors.

    Drugs borrow strength from each other. One solve takes a second.

    Parameters
    ----------
    kernel
        "rbf" or "linear".
    rank
        Number of factors.
    """

    def __init__(self, kernel: str = "rbf", *, rank: int = 20) -> None:
        self.kind, self.rank = kernel, rank

    def _fit(self, lines: AnnData, values: np.ndarray) -> None:
        x = profiles_of(lines)
        self.kernel = Kernel.of(x, self.kind)
        self.coefficients = solve(self.kernel(x), denoised(values, self.drug_mean, self.rank))

    def _predict(self, lines: AnnData) -> np.ndarray:
        return self.drug_mean + self.kernel(profiles_of(lines)) @ self.coefficients
