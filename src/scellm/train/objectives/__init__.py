"""Pretraining objectives, one file each."""

from scellm.train.objectives._base import BatchObjective, CellObjective, TokenObjective
from scellm.train.objectives._contrastive import Contrastive, contrastive_loss
from scellm.train.objectives._denoise import Denoise, profile_loss
from scellm.train.objectives._malignancy import Malignancy, malignancy_loss
from scellm.train.objectives._masked import MaskedExpression, mask, masked_loss
from scellm.train.objectives._momentum import MomentumContrast, queue_loss
from scellm.train.objectives._registry import CONTRASTS, OBJECTIVES
from scellm.train.objectives._tiled_contrastive import tiled_contrastive_loss

__all__ = [
    "CONTRASTS",
    "OBJECTIVES",
    "BatchObjective",
    "CellObjective",
    "Contrastive",
    "Denoise",
    "Malignancy",
    "MaskedExpression",
    "MomentumContrast",
    "TokenObjective",
    "contrastive_loss",
    "malignancy_loss",
    "mask",
    "masked_loss",
    "profile_loss",
    "queue_loss",
    "tiled_contrastive_loss",
]
