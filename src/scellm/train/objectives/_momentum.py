"""Momentum contrast (He et al. 2020), which the paper compares with: a queue of keys from a momentum encoder."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from scellm._random import cuda_devices, seeded
from scellm._tokens import Tokens
from scellm.module import CellLMModule
from scellm.train.objectives._base import BatchObjective


class MomentumContrast(BatchObjective):
    """InfoNCE of each first view against its own key and the keys of earlier batches.

    Parameters
    ----------
    module
        The model that is trained; copied once.
    size
        Number of keys in the queue.
    momentum
        Share of the momentum encoder that is kept at each step.
    temperature
        Of the loss.
    seed
        Seed of the vectors that fill the queue at first.
    """

    name = "contrastive"
    n_views = 1

    queue: Float[Tensor, "queue dim"]
    pointer: Int[Tensor, ""]

    def __init__(self, module: CellLMModule, size: int, momentum: float, temperature: float, seed: int) -> None:
        super().__init__()
        self.key_encoder = copy.deepcopy(module).requires_grad_(requires_grad=False)
        self.momentum, self.temperature = momentum, temperature
        first = torch.randn(size, module.config.dim, generator=torch.Generator().manual_seed(seed))
        weight = module.cell_encoder.encoder.norm.weight
        self.register_buffer("queue", normalize(first, dim=1).to(weight))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))
        self._keys: Tensor | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any], module: CellLMModule, seed: int) -> Self:
        """Reads `queue`, `momentum` and `temperature`."""
        return cls(module, options["queue"], options["momentum"], options["temperature"], seed)

    @torch.no_grad()
    def before_step(self, second: Tokens, groups: Mapping[str, Tensor], chunk_tokens: int, seed: int) -> None:
        """Embed the second views with the momentum encoder; the seed determines its dropout."""
        with seeded(seed, cuda_devices(self.queue.device)):
            self._keys = self.key_encoder.project(self.key_encoder.embed(second, chunk_tokens))

    def loss(self, *embeddings: Float[Tensor, "cells dim"]) -> Float[Tensor, ""]:
        """Mean over the batch."""
        if self._keys is None:
            msg = "MomentumContrast.loss needs keys: call before_step first."
            raise RuntimeError(msg)
        return queue_loss(embeddings[0], self._keys, self.queue, self.temperature)

    @torch.no_grad()
    def after_step(self, module: CellLMModule) -> None:
        """Move the momentum encoder towards the model, and replace the oldest keys."""
        for slow, fast in zip(self.key_encoder.parameters(), module.parameters(), strict=True):
            slow.lerp_(fast, 1 - self.momentum)
        if self._keys is None:
            return
        at = (self.pointer + torch.arange(len(self._keys), device=self.queue.device)) % len(self.queue)
        self.queue[at] = normalize(self._keys, dim=1).to(self.queue)
        self.pointer.copy_((self.pointer + len(self._keys)) % len(self.queue))
        self._keys = None


def queue_loss(
    queries: Float[Tensor, "cells dim"],
    keys: Float[Tensor, "cells dim"],
    queue: Float[Tensor, "queue dim"],
    temperature: float = 0.05,
) -> Float[Tensor, ""]:
    """InfoNCE of MoCo (He et al. 2020): each query against its own key and the keys of earlier batches.

    Parameters
    ----------
    queries
        Embeddings from the model.
    keys
        Embeddings of the same cells from the momentum encoder, without gradient.
    queue
        Keys of earlier batches, normalised.
    temperature
        As in :func:`contrastive_loss`.

    Returns
    -------
    torch.Tensor
        Mean over the cells.
    """
    q, k = normalize(queries, dim=1), normalize(keys, dim=1)
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.to(q).T], 1) / temperature  # (T, 1 + K)
    return cross_entropy(logits, torch.zeros(len(q), dtype=torch.long, device=q.device))
