"""Pretraining objectives, one file each."""

from scellm.train.objectives._base import BatchObjective, TokenObjective
from scellm.train.objectives._contrastive import Contrastive, contrastive_loss
from scellm.train.objectives._malignancy import Malignancy, malignancy_loss
from scellm.train.objectives._masked import MaskedExpression, mask, masked_loss
from scellm.train.objectives._momentum import MomentumContrast, queue_loss
from scellm.train.objectives._registry import CONTRASTS, OBJECTIVES

__all__ = [
    "CONTRASTS",
    "OBJECTIVES",
    "BatchObjective",
    "Contrastive",
    "Malignancy",
    "MaskedExpression",
    "MomentumContrast",
    "TokenObjective",
    "contrastive_loss",
    "malignancy_loss",
    "mask",
    "masked_loss",
    "queue_loss",
]
