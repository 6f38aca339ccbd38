"""Ridge on a denoised table of responses: the strongest simple baseline on unseen lines."""

from __future__ import annotations

import numpy as np

from scellm.baselines.drug._factorization import factorized
from scellm.baselines.drug._kernel_baseline import KernelBaseline
from scellm.baselines.drug._kernel_ridge import solve


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


class DenoisedRidge(KernelBaseline):
    """Kernel ridge from a line's profile to all drugs at once, on responses denoised by low-rank factors.

    Drugs borrow strength from each other.

    Parameters
    ----------
    kernel
        "rbf" or "linear".
    rank
        Number of factors.
    """

    def __init__(self, kernel: str = "rbf", *, rank: int = 20) -> None:
        super().__init__(kernel)
        self.rank = rank

    def _coefficients(self, similar: np.ndarray, values: np.ndarray) -> np.ndarray:
        return solve(similar, denoised(values, self.drug_mean, self.rank))
