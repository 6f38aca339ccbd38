"""The head for the cells that a model was trained with: embedding and components side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from torch import Tensor

from scellm.data._prepared import cell_hashes
from scellm.model._own_features import joined_features
from scellm.train._solve_head import SolvedHead

_NAMES = ("cells", "components", "spread_embedding", "spread_components", "weight", "bias")


@dataclass(frozen=True)
class OwnHead:
    """Logits of cell types for the cells of one data set, each of which is known again by its contents.

    Parameters
    ----------
    cells
        Hash of each cell, int64, (cells,).
    components
        Principal components of each, float32, (cells, components).
    spread_embedding, spread_components
        Embeddings and components of the cells that centre and scale were measured on, float32.
    weight, bias
        Of the head on the joined features, (types, features) and (types,).
    """

    cells: np.ndarray
    components: np.ndarray
    spread_embedding: np.ndarray
    spread_components: np.ndarray
    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def of(
        cls, adata: AnnData, components: np.ndarray, spread: tuple[np.ndarray, np.ndarray], head: SolvedHead
    ) -> Self:
        """The head of a data set; of `spread`, only two cells are kept that have the same centre and variance."""
        kept = [_two_of_same_spread(x) for x in spread]
        return cls(cell_hashes(adata).view(np.int64), components, kept[0], kept[1], head.weight, head.bias)

    def places(self, adata: AnnData) -> np.ndarray:
        """For each cell, which of the known cells it is, -1 for others; int64, (cells,)."""
        known = pd.Series(np.arange(len(self.cells)), index=self.cells)
        known = known[~known.index.duplicated()]
        found = known.index.get_indexer(pd.Index(cell_hashes(adata).view(np.int64)))
        return np.where(found >= 0, known.to_numpy()[found], -1)

    def logits(self, embedding: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Logits of known cells, float64, (cells, types)."""
        spread = (self.spread_embedding, self.spread_components)
        return joined_features(embedding, self.components[places], spread) @ self.weight.T + self.bias

    def to_state(self) -> dict[str, Tensor]:
        """Tensors for a file."""
        return {f"own.{name}": torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in _NAMES}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self | None:
        """Take the tensors out of `state`; `None` if there is no such head."""
        if not all(f"own.{name}" in state for name in _NAMES):
            return None
        return cls(*(state.pop(f"own.{name}").numpy() for name in _NAMES))


def _two_of_same_spread(x: np.ndarray) -> np.ndarray:
    """Two rows with the mean and the column variances of `x`: mean plus and minus the standard deviation."""
    mean, sd = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
    return np.stack([mean - sd, mean + sd])
