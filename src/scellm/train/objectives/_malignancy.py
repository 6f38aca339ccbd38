"""The malignancy objective: tumour or normal, from [CLS] (paper, section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from scellm._keys import MALIGNANCY_KEY
from scellm._tokens import Padded, Tokens
from scellm.nn import Config, MalignancyHead
from scellm.train.objectives._base import Labels, TokenObjective


class Malignancy(TokenObjective):
    """Predict tumour or normal from the vector of [CLS]."""

    name = "malignancy"
    label = MALIGNANCY_KEY

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """Reads no option."""
        return cls()

    @staticmethod
    def make_head(config: Config) -> nn.Module:
        """One linear layer, as in the paper."""
        return MalignancyHead(config.dim)

    def unavailable(self, labelled: Mapping[str, int], config: Config) -> str | None:
        """It needs labelled cells, and attention."""
        if not labelled.get(self.label):
            return "cells known to be tumour and cells known to be normal are both needed, and are not there"
        return None if config.depth else "without attention blocks [CLS] sees no gene"

    def count(self, tokens: Tokens, labels: Labels) -> int:
        """Number of labelled cells in the batch."""
        return 0 if labels is None else int((labels >= 0).sum())

    def loss(
        self, head: nn.Module, hidden: Float[Tensor, "cells length dim"], cells: Padded, labels: Labels
    ) -> Float[Tensor, ""]:
        """Sum of the cross-entropy over the labelled cells of a chunk."""
        if labels is None:
            msg = "The malignancy loss needs labels."
            raise ValueError(msg)
        return malignancy_loss(head, hidden, labels)


def malignancy_loss(
    head: nn.Module, hidden: Float[Tensor, "cells length dim"], malignancy: Int[Tensor, " cells"]
) -> Float[Tensor, ""]:
    """Sum of the cross-entropy over labelled cells; to be divided by their number in the whole batch.

    Parameters
    ----------
    head
        The malignancy head.
    hidden
        Vectors of the tokens; [CLS] is the first.
    malignancy
        1 tumour, 0 normal, -1 unlabelled.

    Returns
    -------
    torch.Tensor
        A sum; 0 if no cell is labelled.
    """
    labelled = malignancy >= 0
    dtype = next(head.parameters()).dtype
    with torch.autocast(hidden.device.type, enabled=False):
        logit = head(hidden[labelled, 0].to(dtype)).squeeze(-1)  # (labelled,)
        return binary_cross_entropy_with_logits(logit, malignancy[labelled].to(logit.dtype), reduction="sum")
