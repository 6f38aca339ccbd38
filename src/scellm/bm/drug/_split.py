"""The interface of a split of a table of responses, and draws that the splits share."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pandas as pd

from scellm.bm.drug._drug_data import DrugData


class DrugSplit(ABC):
    """Which responses are learned from, and which are tested."""

    @abstractmethod
    def __call__(self, data: DrugData, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw a split.

        Parameters
        ----------
        data
            Lines, responses, molecules and tissues.
        rng
            Source of randomness; the same seed gives the same split on any machine.

        Returns
        -------
        tuple of numpy.ndarray
            Responses to learn from and to test, bool, (lines, drugs); they do not overlap.
        """


def require_share(share: float, name: str) -> None:
    """Raise ValueError unless a share is between 0 and 1."""
    if not 0 < share < 1:
        msg = f"{name} must be a share above 0 and below 1; found {share!r}."
        raise ValueError(msg)


def share_of(n: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """A random share of n things as a mask, (n,); at least one is inside and one outside."""
    k = min(max(round(share * n), 1), max(n - 1, 0))
    mask = np.zeros(n, bool)
    mask[rng.permutation(n)[:k]] = True
    return mask


def groups_of(labels: pd.Series, share: float, rng: np.random.Generator) -> np.ndarray:
    """Whole groups, drawn until a share of the things is reached, as a mask, (n,)."""
    names = labels.astype(str).to_numpy()
    mask, most = np.zeros(len(names), bool), share * len(names) * 1.15
    for name in rng.permutation(np.unique(names)):
        own = names == name
        if mask.sum() + own.sum() <= most:
            mask |= own
    return mask


def require_two_sides(train: np.ndarray, test: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return both masks; raises ValueError if one is empty."""
    if not train.any() or not test.any():
        msg = (
            f"{name}: {int(train.sum()):,} responses to learn from and {int(test.sum()):,} to test; expected some of "
            "both. Pass another share, or more data."
        )
        raise ValueError(msg)
    return train, test
