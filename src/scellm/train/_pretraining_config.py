"""The options of pretraining."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from scellm._options import in_range, jsonable, one_of
from scellm.train.objectives import CONTRASTS, OBJECTIVES
from scellm.train.objectives._contrastive import NEGATIVES, POSITIVES

_CELLS_BY_DEFAULT, _EPOCHS_AT_MOST = 200_000, 50
_LEAST_LR = 1e-6


@dataclass(frozen=True)
class PretrainingConfig:
    """Options for pretraining. Most values are not given in the paper; the source of each default is stated.

    Parameters
    ----------
    max_epochs, max_steps
        Length of the run; by default as many epochs as show the model 200,000 cells, at most 50. Steps take precedence.
    batch_size
        Cells per step; all others are negatives (paper: 256 in the text, 512 in table F.1).
    objectives
        Any of "contrastive", "masked", "malignancy", "denoise" (keys of `scellm.train.OBJECTIVES`). Their losses are
        added with equal weight. An objective without labels is left out (logged). "denoise" predicts one half of a
        cell's molecules from the other, and needs `view="split"`.
    contrast
        "divide-and-conquer": the exact gradient of the whole batch in little memory; "end-to-end": the same gradient
        with every graph in memory; "moco": a queue and a momentum encoder; `None`: no contrastive objective.
    temperature
        Temperature of the contrastive loss (SimCSE's 0.05; the paper gives none).
    positives
        "views": a cell's positive is its own second view; "clusters": the second views of all cells of its cluster,
        which were found once within each source.
    negatives
        "batch": all other cells of the batch; "source": those of the same source.
    cluster_block
        With `positives="clusters"`, number of consecutive cells from one cluster.
    whiten
        "clusters": after the last step, divide the learned dimensions by their spread within clusters (within-class
        covariance normalisation, Hatch et al. 2006), folded into the pooling; `None`: leave them as learned.
    symmetric
        Whether the contrastive loss is computed in both directions (paper: in one).
    mask_rate, mask_keep
        Fraction of a cell's genes that are masked, and fraction of those that keep their bin (scBERT's 0.15 and 0.1).
    masked_inputs
        "separate": the contrastive views are not masked, and the masked objective has a pass of its own (paper, section
        3.3: inputs are not perturbed); "shared": the first view is the masked one, which saves a pass.
    lr, weight_decay, clip
        Highest learning rate and weight decay of Adam (paper: 1e-4 and 0); largest norm of the gradient.
    warmup
        Fraction of the steps over which the learning rate rises, before it falls to 1e-6 along one cosine (paper:
        "cosine annealing").
    view
        The two views of a cell: "identity" (as in the paper, they differ by dropout), "thin" (binomial thinning of the
        counts to 20 to 70 % of the molecules), "subsample" (70 % of the genes), "panels" (two views that share no
        gene), "split" (two halves that share no molecule), any function of counts, or a pair of these.
    source_power
        A source of a corpus is drawn in proportion to its size to this power. 1: by size; 0: all sources equally often.
    source_block
        Number of consecutive cells from one source of a corpus. With 64, a batch of 512 holds cells of about eight
        sources: most negatives then come from other tissues and some from the same one. 1: fully mixed.
    chunk_tokens
        Tokens computed at once, or "auto".
    memory
        Bytes of activations that may be kept between the two passes, or "auto" (half of the free memory of a CUDA
        device, 2 GiB elsewhere); 0 keeps none. Does not change the result.
    redraw_every
        Steps between new random features; `None`: never.
    queue, momentum
        For "moco" (He et al. 2020): number of keys of earlier batches, and share of the momentum encoder kept at each
        step.
    checkpoint_every
        Steps between two checkpoints.

    Raises
    ------
    ValueError
        If a value is not known or out of its range.
    """

    max_epochs: int | None = None
    max_steps: int | None = None
    batch_size: int = 256
    objectives: Sequence[str] = ("contrastive", "masked", "malignancy")
    contrast: str | None = "divide-and-conquer"
    temperature: float = 0.05
    positives: str = "views"
    negatives: str = "batch"
    cluster_block: int = 4
    whiten: str | None = None
    symmetric: bool = False
    mask_rate: float = 0.15
    mask_keep: float = 0.1
    masked_inputs: str = "separate"
    lr: float = 1e-4
    weight_decay: float = 0.0
    clip: float = 1.0
    warmup: float = 0.05
    view: Any = "identity"
    source_power: float = 0.5
    source_block: int = 1
    chunk_tokens: int | str = "auto"
    memory: int | str = "auto"
    redraw_every: int | None = None
    queue: int = 4096
    momentum: float = 0.999
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        self._check_run()
        self._check_losses()
        self._check_views()
        objectives = (self.objectives,) if isinstance(self.objectives, str) else tuple(self.objectives)
        object.__setattr__(self, "objectives", objectives)
        for name in objectives:
            one_of("objectives", name, OBJECTIVES)
        if not objectives:
            msg = f"objectives must name at least one of {list(OBJECTIVES)}; found none."
            raise ValueError(msg)
        if objectives == ("contrastive",) and self.contrast is None:
            msg = (
                "contrast=None leaves out the contrastive objective, and there is no other. Pass "
                "objectives=('masked',)."
            )
            raise ValueError(msg)

    def _check_run(self) -> None:
        for name in ("max_epochs", "max_steps", "redraw_every"):
            if getattr(self, name) is not None:
                in_range(name, getattr(self, name), 1, whole=True)
        for name in ("batch_size", "source_block", "cluster_block", "queue", "checkpoint_every"):
            in_range(name, getattr(self, name), 1, whole=True)
        for name, least in (("chunk_tokens", 1), ("memory", 0)):
            if getattr(self, name) != "auto":
                in_range(name, getattr(self, name), least)

    def _check_losses(self) -> None:
        one_of("contrast", self.contrast, CONTRASTS)
        one_of("positives", self.positives, POSITIVES)
        one_of("negatives", self.negatives, NEGATIVES)
        one_of("whiten", self.whiten, (None, "clusters"))
        one_of("masked_inputs", self.masked_inputs, ("separate", "shared"))
        if self.contrast == "moco" and (self.positives, self.negatives) != ("views", "batch"):
            msg = (
                f"contrast='moco' compares a cell with its own key and a queue; found positives={self.positives!r} and "
                f"negatives={self.negatives!r}. Pass contrast='divide-and-conquer'."
            )
            raise ValueError(msg)
        for name in ("temperature", "lr", "clip"):
            in_range(name, getattr(self, name), 0, open_low=True)
        in_range("mask_rate", self.mask_rate, 0, 1, open_low=True, open_high=True)
        in_range("mask_keep", self.mask_keep, 0, 1, open_high=True)
        in_range("weight_decay", self.weight_decay, 0)
        for name in ("warmup", "source_power", "momentum"):
            in_range(name, getattr(self, name), 0, 1)

    def _check_views(self) -> None:
        given = self.view if isinstance(self.view, tuple | list) else (self.view,)
        if len(given) > 2 or not given or not all(isinstance(v, str) or callable(v) for v in given):
            msg = (
                "view must be a name, a function of (Counts, key) that returns Counts, or a pair of these; found "
                f"{self.view!r}."
            )
            raise ValueError(msg)

    @property
    def views(self) -> tuple[Any, Any]:
        """The two views; of a paired view, it is given twice."""
        given = tuple(self.view) if isinstance(self.view, tuple | list) else (self.view, self.view)
        return given if len(given) == 2 else (given[0], given[0])

    @property
    def clusters(self) -> int:
        """Consecutive cells of one cluster; 0 if no option needs clusters."""
        return self.cluster_block if self.contrastive and self.positives == "clusters" else int(bool(self.whiten))

    @property
    def contrastive(self) -> bool:
        """Whether there is a contrastive loss."""
        return "contrastive" in self.objectives and self.contrast is not None

    def with_objectives(self, objectives: Sequence[str]) -> Self:
        """The same options with other objectives."""
        return replace(self, objectives=tuple(objectives))

    def steps(self, n_cells: int) -> int:
        """Number of optimiser steps, with a number of cells per epoch."""
        if self.max_steps is not None:
            return self.max_steps
        return self.epochs(n_cells) * max(n_cells // min(self.batch_size, n_cells), 1)

    def epochs(self, n_cells: int) -> int:
        """Number of epochs, for a number of cells."""
        by_default = min(max(round(_CELLS_BY_DEFAULT / n_cells), 1), _EPOCHS_AT_MOST)
        return by_default if self.max_epochs is None else self.max_epochs

    def lr_at(self, step: int, steps: int) -> float:
        """Learning rate of one of `steps` steps: linear warm-up, then one cosine down to 1e-6."""
        rise = max(round(self.warmup * steps), 1)
        if step < rise:
            return self.lr * (step + 1) / rise
        done = (step - rise) / max(steps - rise, 1)
        least = min(_LEAST_LR, self.lr)
        return least + (self.lr - least) * (1 + math.cos(math.pi * min(done, 1.0))) / 2

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint and a card; a function becomes its name."""
        return {k: jsonable(v) for k, v in vars(self).items()}
