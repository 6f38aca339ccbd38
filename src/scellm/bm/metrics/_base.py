"""The interface of a metric: a name, the kind of prediction that it needs, and a weighted score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

LABELS, PROBABILITIES, NUMBERS = "labels", "probabilities", "numbers"
"""Kinds of predictions: names of types, (cells,); a table of probabilities, cells by types; numbers, (cells,)."""


class Metric(ABC):
    """A score of predictions, fast enough for a bootstrap."""

    name: ClassVar[str]
    """Name in tables."""

    needs: ClassVar[str]
    """One of "labels", "probabilities" and "numbers"."""

    higher_is_better: ClassVar[bool] = True

    @abstractmethod
    def __call__(self, y_true: np.ndarray, y_pred: Any, weight: np.ndarray | None = None) -> float:
        """Score of the predictions.

        Parameters
        ----------
        y_true
            Names of types or numbers, (cells,).
        y_pred
            Predictions of the kind in :attr:`needs`.
        weight
            How often each cell counts, (cells,); by default once.

        Returns
        -------
        float
            The score.
        """
