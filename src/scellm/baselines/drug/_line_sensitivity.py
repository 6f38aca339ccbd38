"""One number a line: the trap that a score of drug response has to avoid."""

from __future__ import annotations

import numpy as np

from scellm.baselines.drug._kernel_baseline import KernelBaseline
from scellm.baselines.drug._kernel_ridge import solve


class LineSensitivity(KernelBaseline):
    """Mean of the drug + the general sensitivity of the line, by ridge from its profile.

    It knows nothing of which drug suits which line, and yet reaches most of a correlation per drug.

    Parameters
    ----------
    kernel
        "rbf" or "linear".
    """

    def _coefficients(self, similar: np.ndarray, values: np.ndarray) -> np.ndarray:
        general = np.nanmean(values - self.drug_mean, axis=1)  # (lines,)
        self.offset = self.drug_mean + general.mean()
        return solve(similar, (general - general.mean())[:, None])
