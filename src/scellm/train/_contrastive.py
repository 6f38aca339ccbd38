"""The contrastive objective (paper, section 3.3)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def contrastive_loss(
    first: Float[Tensor, "cells dim"],
    second: Float[Tensor, "cells dim"],
    temperature: float = 0.05,
    *,
    symmetric: bool = False,
) -> Float[Tensor, ""]:
    r"""InfoNCE over a batch: a cell's two views against all second views.

    .. math::
        L = -\frac{1}{T} \sum_i \log \frac{\exp(\cos(h_i, h_i^+) / \tau)}{\sum_j \exp(\cos(h_i, h_j^+) / \tau)}

    One-directional as printed in the paper, with :math:`T` terms in the denominator.

    Parameters
    ----------
    first, second
        Vectors of the two views of the same cells.
    temperature
        :math:`\tau`. The paper states none; 0.05 is SimCSE's, which it cites.
    symmetric
        Average with the same loss taken from the second views to the first.

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
        Vectors from the encoder that learns.
    keys
        Vectors of the same cells from the slow encoder, without gradient.
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
