"""The contrastive objective (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from scellm.module import CellLMModule
from scellm.train.objectives._base import BatchObjective


class Contrastive(BatchObjective):
    """InfoNCE over the whole batch.

    Parameters
    ----------
    temperature, symmetric
        As in :func:`contrastive_loss`.
    """

    name = "contrastive"

    def __init__(self, temperature: float = 0.05, *, symmetric: bool = False) -> None:
        super().__init__()
        self.temperature, self.symmetric = temperature, symmetric

    @classmethod
    def of(cls, options: Mapping[str, Any], module: CellLMModule, seed: int) -> Self:
        """Reads `temperature` and `symmetric`."""
        return cls(options["temperature"], symmetric=options["symmetric"])

    def loss(self, *embeddings: Float[Tensor, "cells dim"]) -> Float[Tensor, ""]:
        """Mean over the batch."""
        first, second = embeddings
        return contrastive_loss(first, second, self.temperature, symmetric=self.symmetric)


def contrastive_loss(
    first: Float[Tensor, "cells dim"],
    second: Float[Tensor, "cells dim"],
    temperature: float = 0.05,
    *,
    symmetric: bool = False,
) -> Float[Tensor, ""]:
    r"""InfoNCE over a batch: a cell's first view against all second views.

    .. math::
        L = -\frac{1}{T} \sum_i \log \frac{\exp(\cos(h_i, h_i^+) / \tau)}{\sum_j \exp(\cos(h_i, h_j^+) / \tau)}

    One-directional as printed in the paper, with :math:`T` terms in the denominator.

    Parameters
    ----------
    first, second
        Embeddings of the two views of the same cells.
    temperature
        :math:`\tau`. The paper states none; 0.05 is SimCSE's, which it cites.
    symmetric
        Average with the same loss from the second views to the first.

    Returns
    -------
    torch.Tensor
        Mean over the cells, float32 or float64.
    """
    a, b = normalize(first, dim=1), normalize(second, dim=1)
    logits = a @ b.T / temperature  # (T, T)
    positive = torch.arange(len(a), device=a.device)
    loss = cross_entropy(logits, positive)
    return (loss + cross_entropy(logits.T, positive)) / 2 if symmetric else loss
