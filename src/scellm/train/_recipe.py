"""The options of pretraining, checked, in one place that a checkpoint can hold."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

OBJECTIVES = ("contrastive", "masked", "origin")
CONTRASTS = ("divide-and-conquer", "end-to-end", "moco", None)
MASKED_INPUTS = ("separate", "shared")


@dataclass(frozen=True)
class Recipe:
    """How to pretrain. The paper leaves most of it unsaid; the defaults say whose they are.

    Parameters
    ----------
    steps
        Optimiser steps in all.
    objectives
        Any of "contrastive", "masked", "origin"; their losses are added with equal weight.
    contrast
        "divide-and-conquer", "end-to-end" (every graph is kept), "moco" (a queue and a slow encoder), or `None`.
    temperature
        Of the contrastive objective.
    symmetric
        Whether the contrastive loss is taken in both directions; the paper prints one.
    mask_rate, mask_keep
        Share of expressed genes to be told, and the share of those that keep their bin.
    masked_inputs
        "separate": the views of the contrastive objective are clean and the masked objective has a pass of its own (paper, section
        3.3: inputs are not perturbed); "shared": the first view is the masked one, a pass less.
    lr, weight_decay, clip
        Of Adam (paper: 1e-4 and 0), and the largest norm of the gradient.
    warmup
        Share of the steps over which the learning rate rises, before a cosine takes it to 1e-6.
    chunk_tokens
        Tokens computed at once.
    keep_tokens
        Tokens whose graph may be kept between the two passes; infinite for "end-to-end".
    redraw_every
        Steps between new random features; `None` never.
    queue, momentum
        Of "moco": keys of earlier batches, and the slow encoder's.
    """

    steps: int
    objectives: tuple[str, ...] = OBJECTIVES
    contrast: str | None = "divide-and-conquer"
    temperature: float = 0.05
    symmetric: bool = False
    mask_rate: float = 0.15
    mask_keep: float = 0.1
    masked_inputs: str = "separate"
    lr: float = 1e-4
    weight_decay: float = 0.0
    clip: float = 1.0
    warmup: float = 0.05
    chunk_tokens: int = 8192
    keep_tokens: float = 0
    redraw_every: int | None = None
    queue: int = 4096
    momentum: float = 0.999

    def __post_init__(self) -> None:
        _one_of("contrast", self.contrast, CONTRASTS)
        _one_of("masked_inputs", self.masked_inputs, MASKED_INPUTS)
        unknown = [o for o in self.objectives if o not in OBJECTIVES]
        if unknown or not self.objectives:
            msg = f"objectives={self.objectives!r}: expected some of {OBJECTIVES}, found {unknown or 'none'}."
            raise ValueError(msg)
        if self.steps < 1:
            msg = f"Pretraining needs at least one step; found {self.steps}. Pass max_epochs or max_steps above 0."
            raise ValueError(msg)
        if not 0 < self.mask_rate < 1 or not 0 <= self.mask_keep < 1 or not self.temperature > 0 or not self.lr > 0:
            msg = (
                "mask_rate must be in (0, 1), mask_keep in [0, 1), temperature and lr above 0; found "
                f"{self.mask_rate}, {self.mask_keep}, {self.temperature}, {self.lr}."
            )
            raise ValueError(msg)
        if self.objectives == ("contrastive",) and self.contrast is None:
            msg = "contrast=None leaves the contrastive objective out, and no other was asked for. Pass objectives=('masked', 'origin')."
            raise ValueError(msg)

    @property
    def contrastive(self) -> bool:
        """Whether there is a contrastive loss."""
        return "contrastive" in self.objectives and self.contrast is not None

    def lr_at(self, step: int) -> float:
        """Learning rate of a step: linear warm-up, then one cosine down to 1e-6 (paper: "cosine annealing")."""
        rise = max(round(self.warmup * self.steps), 1)
        if step < rise:
            return self.lr * (step + 1) / rise
        done = (step - rise) / max(self.steps - rise, 1)
        least = min(1e-6, self.lr)
        return least + (self.lr - least) * (1 + math.cos(math.pi * min(done, 1.0))) / 2

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def _one_of(name: str, value: str | None, allowed: tuple[str | None, ...]) -> None:
    if value not in allowed:
        msg = f"{name}={value!r} is not known; expected one of {allowed}."
        raise ValueError(msg)
