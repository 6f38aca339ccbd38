"""Momentum contrast (He et al. 2020), which the paper compares with: a queue of keys from a slow encoder."""

from __future__ import annotations

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from scellm.data._tokens import Tokens
from scellm.nn._module import CellLMModule
from scellm.train._divide import seeded


class Momentum(nn.Module):
    """The slow encoder and its queue.

    Parameters
    ----------
    module
        The model that learns; copied once.
    size
        Keys that the queue holds.
    momentum
        How much of the slow encoder stays at each step.
    seed
        Of the vectors that fill the queue at first.
    """

    def __init__(self, module: CellLMModule, size: int, momentum: float, seed: int) -> None:
        super().__init__()
        self.slow = copy.deepcopy(module).requires_grad_(requires_grad=False)
        self.momentum = momentum
        start = normalize(torch.randn(size, module.config.dim, generator=torch.Generator().manual_seed(seed)), dim=1)
        self.register_buffer("queue", start.to(module.masked_head.weight))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))
        self.queue: Tensor
        self.place: Tensor

    @torch.no_grad()
    def keys(self, tokens: Tokens, chunk_tokens: int, seed: int) -> Float[Tensor, "cells dim"]:
        """Vectors of the second views, from the slow encoder; its dropout follows the seed."""
        with seeded(seed, [self.queue.device.index or 0] if self.queue.device.type == "cuda" else []):
            return self.slow.contrasted(self.slow.cells(tokens, chunk_tokens))

    @torch.no_grad()
    def update(self, module: CellLMModule, keys: Float[Tensor, "cells dim"]) -> None:
        """Move the slow encoder a little towards the model, and put the keys in the place of the oldest."""
        for slow, fast in zip(self.slow.parameters(), module.parameters(), strict=True):
            slow.lerp_(fast, 1 - self.momentum)
        at = (self.place + torch.arange(len(keys), device=keys.device)) % len(self.queue)
        self.queue[at] = normalize(keys, dim=1).to(self.queue)
        self.place.copy_((self.place + len(keys)) % len(self.queue))
