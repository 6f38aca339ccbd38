"""The origin objective: tumour or normal, from [CLS] (paper, section 3.3)."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from scellm.nn._module import CellLMModule


def origin_loss(
    module: CellLMModule, hidden: Float[Tensor, "cells length dim"], origin: Int[Tensor, " cells"]
) -> Float[Tensor, ""]:
    """Sum of the cross-entropy over labelled cells; to be divided by their number in the whole batch.

    Parameters
    ----------
    module
        Whose origin head is used.
    hidden
        Vectors of the tokens; [CLS] is the first.
    origin
        1 tumour, 0 normal, -1 unlabelled.

    Returns
    -------
    torch.Tensor
        A sum; 0 where no cell is labelled.
    """
    labelled = origin >= 0
    with torch.autocast(hidden.device.type, enabled=False):
        score = module.origin_head(hidden[labelled, 0].to(module.origin_head.weight.dtype)).squeeze(-1)  # (labelled,)
        return binary_cross_entropy_with_logits(score, origin[labelled].to(score.dtype), reduction="sum")
