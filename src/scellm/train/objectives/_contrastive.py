"""The contrastive objective (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from scellm._keys import CLUSTER_KEY, SOURCE_KEY
from scellm._tokens import Tokens
from scellm.module import CellLMModule
from scellm.train.objectives._base import BatchObjective
from scellm.train.objectives._tiled_contrastive import tiled_contrastive_loss

POSITIVES, NEGATIVES = ("views", "clusters"), ("batch", "source")
_WHOLE_BYTES = 1 << 28  # a matrix of logits up to this size is computed as a whole: 8,192 cells in float32


class Contrastive(BatchObjective):
    """InfoNCE over the whole batch; a large matrix of all pairs is computed in tiles, with the same gradient.

    Parameters
    ----------
    temperature, symmetric
        As in :func:`contrastive_loss`.
    positives
        "views": a cell's positive is its own second view; "clusters": the second views of all cells of its cluster.
    negatives
        "batch": all other cells; "source": those of the same source only, so that nothing rewards telling studies
        apart.
    """

    name = "contrastive"

    def __init__(
        self,
        temperature: float = 0.05,
        *,
        symmetric: bool = False,
        positives: str = "views",
        negatives: str = "batch",
    ) -> None:
        super().__init__()
        self.temperature, self.symmetric = temperature, symmetric
        self.positives, self.negatives = positives, negatives
        self._groups: dict[str, Tensor] = {}

    @classmethod
    def of(cls, options: Mapping[str, Any], module: CellLMModule, seed: int) -> Self:
        """Reads `temperature`, `symmetric`, `positives` and `negatives`."""
        own = {k: options[k] for k in ("symmetric", "positives", "negatives")}
        return cls(options["temperature"], **own)

    def before_step(self, second: Tokens, groups: Mapping[str, Tensor], chunk_tokens: int, seed: int) -> None:
        """Read which cells are of one source and of one cluster."""
        self._groups = {}
        if SOURCE_KEY not in groups:  # one source, and clusters were not wanted
            return
        source = groups[SOURCE_KEY]  # (T,)
        if self.negatives == "source":
            self._groups["candidates"] = source
        if self.positives == "clusters":
            pairs = torch.stack([source.long(), groups[CLUSTER_KEY].long()])  # (2, T)
            self._groups["positives"] = torch.unique(pairs, dim=1, return_inverse=True)[1]

    def loss(self, *embeddings: Float[Tensor, "cells dim"]) -> Float[Tensor, ""]:
        """Mean over the batch."""
        first, second = embeddings
        groups = {k: v.to(first.device) for k, v in self._groups.items()}
        if len(first) ** 2 * first.element_size() > _WHOLE_BYTES:
            p, c = groups.get("positives"), groups.get("candidates")
            options = {"symmetric": self.symmetric}
            return tiled_contrastive_loss(first, second, self.temperature, positives=p, candidates=c, **options)
        masks = {k: _same(v) for k, v in groups.items()}
        return contrastive_loss(first, second, self.temperature, symmetric=self.symmetric, **masks)


def contrastive_loss(
    first: Float[Tensor, "cells dim"],
    second: Float[Tensor, "cells dim"],
    temperature: float = 0.05,
    *,
    symmetric: bool = False,
    positives: Bool[Tensor, "cells cells"] | None = None,
    candidates: Bool[Tensor, "cells cells"] | None = None,
) -> Float[Tensor, ""]:
    r"""InfoNCE over a batch: a cell's first view against the second views.

    .. math::
        L = -\frac{1}{T} \sum_i \frac{1}{|P_i|} \sum_{p \in P_i}
            \log \frac{\exp(\cos(h_i, h_p^+) / \tau)}{\sum_{j \in C_i} \exp(\cos(h_i, h_j^+) / \tau)}

    By default :math:`P_i` is the cell itself and :math:`C_i` the whole batch: one-directional as printed in the paper,
    with :math:`T` terms in the denominator. Several positives are averaged outside of the logarithm (Khosla et al.
    2020, arXiv:2004.11362, equation 2).

    Parameters
    ----------
    first, second
        Embeddings of the two views of the same cells.
    temperature
        :math:`\tau`. The paper states none; 0.05 is SimCSE's, which it cites.
    symmetric
        Average with the same loss from the second views to the first.
    positives
        Which cells are positives of which, true on the diagonal and symmetric.
    candidates
        Which cells stand in the denominator of which, true for all positives and symmetric.

    Returns
    -------
    torch.Tensor
        Mean over the cells, float32 or float64.
    """
    a, b = normalize(first, dim=1), normalize(second, dim=1)
    logits = a @ b.T / temperature  # (T, T)
    loss = _info_nce(logits, positives, candidates)
    return (loss + _info_nce(logits.T, positives, candidates)) / 2 if symmetric else loss


def _same(group: Int[Tensor, " cells"]) -> Bool[Tensor, "cells cells"]:
    """Which cells are of one group."""
    return group[:, None] == group[None]


def _info_nce(
    logits: Float[Tensor, "cells cells"],
    positives: Bool[Tensor, "cells cells"] | None,
    candidates: Bool[Tensor, "cells cells"] | None,
) -> Float[Tensor, ""]:
    """Mean over rows of the cross-entropy to the positives; only candidates stand in the denominator."""
    out = logits if candidates is None else logits.masked_fill(~candidates, float("-inf"))
    if positives is None:
        return cross_entropy(out, torch.arange(len(out), device=out.device))
    weight = positives / positives.sum(1, keepdim=True)  # (T, T)
    return (out.logsumexp(1) - (logits * weight).sum(1)).mean()
