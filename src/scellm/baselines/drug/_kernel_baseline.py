"""The base of baselines that predict from a line's profile by kernel ridge regression."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from anndata import AnnData

from scellm.baselines.drug._base import KnownDrugs, profiles_of
from scellm.baselines.drug._kernel_ridge import Kernel


class KernelBaseline(KnownDrugs):
    """The drugs' means + similarities to the training lines times coefficients, which a subclass learns.

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
        self.offset = self.drug_mean
        self.coefficients = self._coefficients(self.kernel(x), values)

    def _predict(self, lines: AnnData) -> np.ndarray:
        return self.offset + self.kernel(profiles_of(lines)) @ self.coefficients

    @abstractmethod
    def _coefficients(self, similar: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Coefficients of the training lines, (lines, drugs), or (lines, 1) for one number a line.

        Parameters
        ----------
        similar
            Similarities of the training lines, (lines, lines).
        values
            Their responses, NaN where unknown, (lines, drugs).
        """
