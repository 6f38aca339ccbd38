"""From a profile in any unit to what a model reads: deviations of its genes' ranks from the training lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from scellm.drug._profiles import BY_GENE, FEW, Profiles

CLIP = 3.0
LEVEL = 0.99
"""Share of the training lines that count as in the domain of the others. At 0.95, one of six real lung lines that are
read from single cells would be refused, as another platform costs similarity."""

_STEPS = 65535  # ranks are stored as uint16
_ROWS = 512
_LEAST_SCALE = 0.1
_COMPARED, _LEAST_SHARED = 500, 0.5


@dataclass(frozen=True)
class Domain:
    """Whether profiles resemble the training lines.

    Parameters
    ----------
    nearest
        Index of the training line that each profile resembles most, int64, (profiles,).
    similarity
        Correlation of the deviations with it, float64, (profiles,).
    threshold
        1st percentile of the correlation of a training line with its nearest other one.
    genes
        Share of the genes of the training lines that profiles have.
    """

    nearest: np.ndarray
    similarity: np.ndarray
    threshold: float
    genes: float

    @property
    def inside(self) -> np.ndarray:
        """Profiles with half of the genes and a similarity of the threshold, at least, bool, (profiles,)."""
        return (self.similarity >= self.threshold) & self.enough_genes

    @property
    def enough_genes(self) -> bool:
        """Whether profiles have half of the genes."""
        return self.genes >= _LEAST_SHARED


@dataclass(frozen=True)
class Route:
    """One map for bulk, pseudobulk and cells, fitted to training lines.

    Each profile is ranked over the genes that it shares with the training lines, ranks become normal scores, and each
    gene is centred and scaled over the training lines, ranked over the same genes. So no unit, depth or platform-wide
    curve is left, and a profile with fewer genes is compared with training lines on those genes only.

    Parameters
    ----------
    genes
        Vocabulary ids, ascending, int64, (genes,).
    ranks
        Ranks of the training lines, uint16, (lines, genes); 0 is 0 and 65,535 is 1.
    units
        Units of the training lines. Lines whose genes were centred over lines ("standardized by gene") are compared
        with such lines only.
    """

    genes: np.ndarray
    ranks: np.ndarray
    units: str

    @classmethod
    def fit(cls, profiles: Profiles, rows: np.ndarray) -> Self:
        """Fit to the profiles of the lines that are learned from."""
        shares = profiles.ranks(profiles.genes)[rows]
        return cls(profiles.genes, np.round(shares * _STEPS).astype(np.uint16), profiles.units)

    def deviations(self, profiles: Profiles) -> np.ndarray:
        """Deviation of each gene from the training lines, in their standard deviations, at most 3; 0 for absent genes.

        Parameters
        ----------
        profiles
            Any profiles.

        Returns
        -------
        numpy.ndarray
            float32, (profiles, genes).

        Raises
        ------
        ValueError
            If no gene is shared, or the units cannot be compared.
        """
        open_ = profiles.units == "standardized" and len(profiles) <= FEW
        if not open_ and (profiles.units == BY_GENE) != (self.units == BY_GENE):
            msg = (
                f"The model learned from profiles in {self.units!r} values, and these are {profiles.units!r}: values "
                "that were centred over lines hold no levels to compare. Train on counts, TPM, log values, or array "
                "values that were centred within each line."
            )
            raise ValueError(msg)
        at = np.flatnonzero(np.isin(self.genes, profiles.genes))
        if not len(at):
            msg = "No gene of the training lines is in these profiles. Check the names of the genes."
            raise ValueError(msg)
        mean, scale = self._moments(at)
        out = np.zeros((len(profiles), len(self.genes)), np.float32)
        for start in range(0, len(profiles), _ROWS):  # few profiles are dense at once
            some = slice(start, start + _ROWS)
            shares = profiles.select(np.arange(len(profiles))[some]).ranks(self.genes[at])
            out[some, at] = np.clip((ndtri(shares) - mean) / scale, -CLIP, CLIP)
        return out

    def domain(self, profiles: Profiles) -> Domain:
        """Compare profiles with the training lines.

        Parameters
        ----------
        profiles
            Any profiles.

        Returns
        -------
        Domain
            Similarities are over the 500 genes that vary most between training lines: over all genes, the platform
            outweighs the line.
        """
        shared = np.flatnonzero(np.isin(self.genes, profiles.genes))
        scores = self._scores(shared)
        mean, scale = self._moments(shared)
        most = np.sort(np.argsort(-scores.std(0), kind="stable")[:_COMPARED])
        own = _unit(self.deviations(profiles)[:, shared[most]])
        lines = _unit(np.clip((scores - mean) / scale, -CLIP, CLIP)[:, most])
        among = lines @ lines.T
        np.fill_diagonal(among, -1.0)
        similar = own @ lines.T  # (profiles, lines)
        threshold = float(np.quantile(among.max(1), 1 - LEVEL))
        return Domain(similar.argmax(1), similar.max(1), threshold, len(shared) / len(self.genes))

    def _moments(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of normal scores over the training lines, ranked over some genes, (genes,).

        Those of the last genes are kept: all groups of a screen, and all draws of their cells, have the same.
        """
        key = at.tobytes()
        if key not in self._last:
            self._last.clear()
            self._last[key] = _moments(self._scores(at))
        return self._last[key]

    @cached_property
    def _last(self) -> dict[bytes, tuple[np.ndarray, np.ndarray]]:
        return {}

    def _scores(self, at: np.ndarray) -> np.ndarray:
        """Normal scores of the training lines, ranked over some genes, float64, (lines, genes).

        What is stored is ranked again, which gives the first ranks exactly: half a rank is more than a step.
        """
        return ndtri((rankdata(self.ranks[:, at], axis=1) - 0.5) / len(at))


def _moments(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each gene; one that hardly varies counts as if it did a little."""
    scale = scores.std(0)
    return scores.mean(0), np.maximum(scale, max(_LEAST_SCALE * float(np.median(scale)), 1e-6))


def _unit(x: np.ndarray) -> np.ndarray:
    """Rows centred and of length 1."""
    x = x - x.mean(1, keepdims=True)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)
