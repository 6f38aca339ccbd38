"""The head for the cells that a model was trained with: embedding and components side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from anndata import AnnData
from torch import Tensor

from scellm.data._prepared import fingerprint_of_cells
from scellm.model._own_features import joined_features
from scellm.train._solve_head import SolvedHead

_NAMES = ("components", "spread_embedding", "spread_components", "weight", "bias")


@dataclass(frozen=True)
class OwnHead:
    """Logits of cell types for one data set.

    Parameters
    ----------
    cells
        Fingerprint of the data set.
    components
        Principal components of all its cells, float32, (cells, components).
    spread_embedding, spread_components
        Embeddings and components of the cells that centre and scale were measured on, float32.
    weight, bias
        Of the head on the joined features, (types, features) and (types,).
    """

    cells: str
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
        return cls(fingerprint_of_cells(adata), components, kept[0], kept[1], head.weight, head.bias)

    def knows(self, adata: AnnData) -> bool:
        """Whether these are the cells that the head was solved on."""
        return adata.n_obs == len(self.components) and fingerprint_of_cells(adata) == self.cells

    def logits(self, embedding: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Logits of some cells, float64, (cells, types)."""
        spread = (self.spread_embedding, self.spread_components)
        return joined_features(embedding, self.components[rows], spread) @ self.weight.T + self.bias

    def to_state(self) -> dict[str, Tensor]:
        """Tensors for a file."""
        return {f"own.{name}": torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in _NAMES}

    @classmethod
    def from_state(cls, state: dict[str, Tensor], facts: dict[str, Any]) -> Self | None:
        """Take the tensors out of `state`; `None` if there is no such head."""
        if "own.weight" not in state or not isinstance(facts.get("own_cells"), str):
            return None
        return cls(facts["own_cells"], *(state.pop(f"own.{name}").numpy() for name in _NAMES))


def _two_of_same_spread(x: np.ndarray) -> np.ndarray:
    """Two rows with the mean and the column variances of `x`: mean plus and minus the standard deviation."""
    mean, sd = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
    return np.stack([mean - sd, mean + sd])
