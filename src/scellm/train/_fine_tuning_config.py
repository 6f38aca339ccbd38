"""The options of fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scellm._options import in_range, jsonable, one_of

TUNE = ("head", "last", "full")
HEADS = ("solved", "mlp")
CLASS_WEIGHTS = (None, "balanced", "paper-code")


@dataclass(frozen=True)
class FineTuningConfig:
    """Options for training on labelled cells.

    Parameters
    ----------
    max_epochs
        Passes over the labelled cells, at most; not used by `tune="head"` with a solved head, which takes one.
    tune
        Trained parts: "head", "last" (also the pooling, the last block and the last norm, as published) or "full". The
        last two start from the solved head, and are kept only if they are better on the validation cells.
    head
        "solved", logistic regression on the frozen embedding: no learning rate, one pass, calibrated probabilities; or
        "mlp", the paper's perceptron (table F.1), trained by steps.
    strength
        Inverse strength of the penalty of the solved head; by default 1, or chosen by cross-validation with 200
        labelled cells and more.
    batch_size
        Cells per step (paper, table F.1: 32).
    lr, weight_decay
        Learning rate and weight decay of Adam (paper, table F.1: 1e-4 and 1e-4).
    class_weights
        "balanced", one over the number of cells of the type, so that rare types are found; `None` for equal weights;
        "paper-code", the squared share of cells of other types, as in the published code; or a weight for each type.
    validation_size
        Share of the labelled cells, the same for every type, that is held out for early stopping. 0 for none. A solved
        head is validated by cross-validation instead, and learns from all.
    early_stopping
        Stop when the validation loss has not fallen for `patience` epochs, and restore the best weights.
    patience
        Epochs.
    chunk_tokens
        Tokens computed at once.

    Raises
    ------
    ValueError
        If a value is not known or out of its range.
    """

    max_epochs: int = 10
    tune: str = "head"
    head: str = "solved"
    strength: float | None = None
    batch_size: int = 32
    lr: float = 1e-4
    weight_decay: float = 1e-4
    class_weights: str | Mapping[str, float] | None = "balanced"
    validation_size: float = 0.1
    early_stopping: bool = True
    patience: int = 5
    chunk_tokens: int = 8192

    def __post_init__(self) -> None:
        for name in ("max_epochs", "batch_size", "patience", "chunk_tokens"):
            in_range(name, getattr(self, name), 1, whole=True)
        one_of("tune", self.tune, TUNE)
        one_of("head", self.head, HEADS)
        if self.strength is not None:
            in_range("strength", self.strength, 0, open_low=True)
        in_range("lr", self.lr, 0, open_low=True)
        in_range("weight_decay", self.weight_decay, 0)
        in_range("validation_size", self.validation_size, 0, 1, open_high=True)
        if not isinstance(self.class_weights, Mapping):
            one_of("class_weights", self.class_weights, CLASS_WEIGHTS)

    @property
    def solved(self) -> bool:
        """Whether nothing is trained by steps."""
        return self.tune == "head" and self.head == "solved"

    def trainer_options(self, *, validated: bool) -> dict[str, Any]:
        """Options for scvi-tools' trainer; the plan itself stops early, as scvi-tools does not in several processes."""
        return {"check_val_every_n_epoch": 1 if validated else None}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a card."""
        return {k: jsonable(v) for k, v in vars(self).items()}
