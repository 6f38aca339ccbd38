"""Objectives, the gradient cache, and the plans that Lightning runs."""

from scellm.train import graphmae
from scellm.train._batch_views import BatchView, ChunkForward, make_chunks, make_views
from scellm.train._class_weights import class_weights
from scellm.train._fine_tuning_config import FineTuningConfig
from scellm.train._fine_tuning_plan import FineTuningPlan
from scellm.train._gradient_cache import Chunk, Share, StepResult, gradient_cache
from scellm.train._pretraining_config import PretrainingConfig
from scellm.train._pretraining_plan import PretrainingPlan
from scellm.train._response_config import ResponseConfig
from scellm.train._supervised_plan import SupervisedPlan
from scellm.train.objectives import (
    CONTRASTS,
    OBJECTIVES,
    BatchObjective,
    CellObjective,
    Contrastive,
    Denoise,
    Malignancy,
    MaskedExpression,
    MomentumContrast,
    TokenObjective,
    contrastive_loss,
    malignancy_loss,
    mask,
    masked_loss,
    profile_loss,
    queue_loss,
    tiled_contrastive_loss,
)

__all__ = [
    "CONTRASTS",
    "OBJECTIVES",
    "BatchObjective",
    "BatchView",
    "CellObjective",
    "Chunk",
    "ChunkForward",
    "Contrastive",
    "Denoise",
    "FineTuningConfig",
    "FineTuningPlan",
    "Malignancy",
    "MaskedExpression",
    "MomentumContrast",
    "PretrainingConfig",
    "PretrainingPlan",
    "ResponseConfig",
    "Share",
    "StepResult",
    "SupervisedPlan",
    "TokenObjective",
    "class_weights",
    "contrastive_loss",
    "gradient_cache",
    "graphmae",
    "make_chunks",
    "make_views",
    "malignancy_loss",
    "mask",
    "masked_loss",
    "profile_loss",
    "queue_loss",
    "tiled_contrastive_loss",
]
