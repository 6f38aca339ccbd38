"""Features of profiles: the deviations of their genes, or their embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from scellm._threads import calm_threads
from scellm._tokens import Tokens
from scellm.drug import Profiles, Route
from scellm.module import CellEncoder

_BATCH = 256  # profiles encoded at once


@dataclass
class LineFeatures:
    """What heads read of a profile; each feature centred and scaled over the training lines.

    Parameters
    ----------
    route
        Maps profiles to deviations of genes.
    encoder
        Encodes them; `None` to read the deviations themselves.
    center, scale
        Of each feature, float32, (features,).
    """

    route: Route
    encoder: CellEncoder | None
    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(
        cls, route: Route, encoder: CellEncoder | None, profiles: Profiles, rows: np.ndarray
    ) -> tuple[Self, Tensor]:
        """Fit to training lines; also returns their features, float32, (training lines, features)."""
        found = cls(route, encoder, np.zeros(1, np.float32), np.ones(1, np.float32))
        raw = found.raw(profiles, rows)
        found.center = raw.mean(0)
        found.scale = raw.std(0) + np.float32(1e-6)
        return found, found.scaled(torch.from_numpy(raw))

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.center)

    def __call__(self, profiles: Profiles, rows: np.ndarray | None = None) -> Tensor:
        """Features of some profiles, float32, (profiles, features)."""
        return self.scaled(torch.from_numpy(self.raw(profiles, rows)))

    def scaled(self, raw: Tensor) -> Tensor:
        """Centre and scale."""
        center, scale = (torch.from_numpy(v).to(raw.device) for v in (self.center, self.scale))
        return (raw - center) / scale

    def raw(self, profiles: Profiles, rows: np.ndarray | None = None) -> np.ndarray:
        """Features before scaling, float32, (profiles, features)."""
        profiles = profiles if rows is None else profiles.select(rows)
        if self.encoder is None:
            return self.route.deviations(profiles)
        parts = [np.zeros((0, self.encoder.config.cell_dim), np.float32)]
        self.encoder.eval()
        with calm_threads(), torch.inference_mode():
            for start in range(0, len(profiles), _BATCH):
                some = profiles.select(np.arange(start, min(start + _BATCH, len(profiles))))
                parts.append(self.encoder.embed(self.tokens(some)).float().cpu().numpy())
        return np.concatenate(parts)

    def tokens(self, profiles: Profiles) -> Tokens:
        """Genes as tokens: a gene at the mean of the training lines is in bin 2 of 6, one deviation is one bin.

        Genes more than two deviations below the mean count as not expressed, and genes without a column are absent.
        """
        if self.encoder is None:
            msg = "There is no encoder that reads tokens."
            raise ValueError(msg)
        n_bins = self.encoder.config.n_bins
        level = self.route.deviations(profiles) + n_bins / 3  # (profiles, genes)
        there = (level >= 0) & np.isin(self.route.genes, profiles.genes)
        return tokens_of(self.route.genes, level, there, n_bins)


def tokens_of(genes: np.ndarray, level: np.ndarray, there: np.ndarray, n_bins: int) -> Tokens:
    """Tokens of profiles: the whole part of a level is the bin, at most the last.

    Parameters
    ----------
    genes
        Vocabulary ids, int64, (genes,).
    level
        Levels, at least 0 where there is a token, (profiles, genes).
    there
        Which genes are expressed, bool, (profiles, genes).
    n_bins
        Number of bins.
    """
    row, column = np.nonzero(there)
    bins = np.minimum(np.floor(level[row, column]), n_bins - 1).astype(np.int64)
    offsets = np.concatenate([[0], np.cumsum(there.sum(1))]).astype(np.int64)
    return Tokens(torch.from_numpy(genes[column]), torch.from_numpy(bins), torch.from_numpy(offsets))
