"""Objectives, the divided step, and the plans that Lightning runs."""

from scellm.train._contrastive import contrastive_loss, queue_loss
from scellm.train._deepen import deepen
from scellm.train._divide import Divided, Unit, divide_and_conquer
from scellm.train._fine_tuning_plan import FineTuningPlan
from scellm.train._masked import mask, masked_loss
from scellm.train._origin import origin_loss
from scellm.train._pretraining_plan import PretrainingPlan
from scellm.train._recipe import Recipe
from scellm.train._start_linear import start_linear

__all__ = [
    "Divided", "FineTuningPlan", "PretrainingPlan", "Recipe", "Unit", "contrastive_loss", "deepen", "divide_and_conquer", "mask", "masked_loss",
    "origin_loss", "queue_loss", "start_linear",
]  # fmt: skip
