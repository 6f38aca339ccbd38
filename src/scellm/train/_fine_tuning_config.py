"""The options of fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scellm._options import in_range, jsonable, one_of

TUNE = ("head", "last", "full")
CLASS_WEIGHTS = (None, "balanced", "paper-code")


@dataclass(frozen=True)
class FineTuningConfig:
    """Options for training on labelled cells.

    Parameters
    ----------
    max_epochs
        Passes over the labelled cells, at most.
    tune
        Trained parts: "head" (pooling and annotation head), "last" (also the last block and the last norm, as
        published) or "full".
    batch_size
        Cells per step (paper, table F.1: 32).
    lr, weight_decay
        Learning rate and weight decay of Adam (paper, table F.1: 1e-4 and 1e-4).
    class_weights
        `None`; "balanced", one over the number of cells of the type; "paper-code", the squared share of cells of other
        types, as in the published code; or a weight for each type.
    validation_size
        Share of the labelled cells, the same for every type, that is held out for early stopping. 0 for none.
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
    tune: str = "last"
    batch_size: int = 32
    lr: float = 1e-4
    weight_decay: float = 1e-4
    class_weights: str | Mapping[str, float] | None = None
    validation_size: float = 0.1
    early_stopping: bool = True
    patience: int = 5
    chunk_tokens: int = 8192

    def __post_init__(self) -> None:
        for name in ("max_epochs", "batch_size", "patience", "chunk_tokens"):
            in_range(name, getattr(self, name), 1, whole=True)
        one_of("tune", self.tune, TUNE)
        in_range("lr", self.lr, 0, open_low=True)
        in_range("weight_decay", self.weight_decay, 0)
        in_range("validation_size", self.validation_size, 0, 1, open_high=True)
        if not isinstance(self.class_weights, Mapping):
            one_of("class_weights", self.class_weights, CLASS_WEIGHTS)

    def trainer_options(self, *, validated: bool) -> dict[str, Any]:
        """Options for scvi-tools' trainer; without validation cells there is no early stopping."""
        return {
            "check_val_every_n_epoch": 1 if validated else None,
            "early_stopping": self.early_stopping and validated,
            "early_stopping_patience": self.patience,
            "early_stopping_monitor": "validation_loss",
            "early_stopping_mode": "min",
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a card."""
        return {k: jsonable(v) for k, v in vars(self).items()}
