"""Embeddings that were computed before, so that the same cells are encoded once."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

import numpy as np
import torch
from anndata import AnnData
from torch import Tensor, nn

from scellm.data._prepared import fingerprint_of_cells

_MOST = 1 << 27  # numbers kept, half a gigabyte


def at_once(width: int) -> int:
    """Cells whose embeddings are held at once, where they are only a step to something smaller.

    Parameters
    ----------
    width
        Dimensions of an embedding.
    """
    return max(_MOST // width, 1)


class Encodings:
    """The embeddings of one data set by one state of the weights.

    They are found again by the contents of both, so cells or weights that changed are encoded again.
    """

    def __init__(self) -> None:
        self._key = ""
        self._values = np.zeros((0, 0), np.float32)
        self._known = np.zeros(0, bool)

    def get(
        self, encoder: nn.Module, adata: AnnData, rows: np.ndarray, width: int, encode: Callable[[np.ndarray], Tensor]
    ) -> Tensor:
        """Embeddings of some cells, float32, (cells, width).

        Parameters
        ----------
        encoder
            The module whose weights they depend on.
        adata
            The cells, prepared.
        rows
            Indices of the cells.
        width
            Dimensions of an embedding.
        encode
            Function that encodes cells by their indices.
        """
        if adata.n_obs * width > _MOST:
            return encode(rows)
        key = f"{fingerprint_of_weights(encoder)} {fingerprint_of_cells(adata)}"
        if key != self._key:
            self._key, self._known = key, np.zeros(adata.n_obs, bool)
            self._values = np.empty((adata.n_obs, width), np.float32)  # pages never written cost nothing
        new = np.unique(rows[~self._known[rows]])
        if len(new):
            self._values[new] = encode(new).numpy()
            self._known[new] = True
        return torch.from_numpy(self._values[rows])

    def __getstate__(self) -> dict:
        return {}  # not copied or pickled with a model

    def __setstate__(self, state: dict) -> None:
        self.__init__()  # type: ignore[misc]  # the same as a new one


def fingerprint_of_weights(module: nn.Module) -> str:
    """A hash of all weights and of the device."""
    found = blake2b(digest_size=16)
    for name, value in module.state_dict().items():
        found.update(f"{name} {value.device}".encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return found.hexdigest()
