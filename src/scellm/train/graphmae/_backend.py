"""Graph libraries: each provides a graph and a layer of graph attention. To add one, write a file and list it here.

There are two, because neither is sufficient. PyTorch Geometric installs on any Python and system. DGL does not store a
message per edge, which makes it five times faster on a CPU, in a tenth of the memory; but its last release that works
with a current torch needs Python 3.11.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

BACKENDS = {"pyg": "scellm.train.graphmae._pyg", "dgl": "scellm.train.graphmae._dgl"}
"""Name to the module with `make_graph` and `GraphAttention`."""

_INSTALL = {"pyg": "pip install 'scellm[graph]'", "dgl": "pip install 'scellm[dgl]' (Python 3.11)"}


class GraphAttentionLayer(nn.Module, ABC):
    """A layer of graph attention (Velickovic et al. 2018): heads concatenated, LeakyReLU of slope 0.2."""

    @abstractmethod
    def weights(self) -> dict[str, nn.Parameter]:
        """Parameters by common names: "weight" (heads * width, dim_in), "source", "target", "bias"."""

    @abstractmethod
    def forward(self, x: Tensor, graph: Any) -> Tensor:
        """(n, dim_in) to (n, heads * width)."""

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator) -> None:
        """Initial weights of GraphMAE, the same for every back end."""
        gain = nn.init.calculate_gain("relu")
        weights = self.weights()
        for name in ("weight", "source", "target"):
            flat = weights[name].view(-1, weights[name].shape[-1])
            nn.init.xavier_normal_(flat, gain=gain, generator=generator)
        weights["bias"].zero_()


class Backend(Protocol):
    """A module of `BACKENDS`."""

    make_graph: Callable[[np.ndarray, int, torch.device], Any]
    GraphAttention: Callable[[int, int, int, float], GraphAttentionLayer]


def load_backend(name: str) -> Backend:
    """Load a back end by name.

    Parameters
    ----------
    name
        A key of `BACKENDS`.

    Returns
    -------
    Backend
        Its module.

    Raises
    ------
    ValueError
        If the name is not known.
    ImportError
        If its library is not installed or does not import; the message says how to install it.
    """
    if name not in BACKENDS:
        msg = f"backend={name!r} is not known; expected one of {list(BACKENDS)}."
        raise ValueError(msg)
    try:
        return import_module(BACKENDS[name])
    except (ImportError, OSError) as error:
        msg = (
            f"backend={name!r} does not import ({error}). Install it with {_INSTALL[name]}, or pass another backend: "
            f"{list(BACKENDS)}."
        )
        raise ImportError(msg) from error
