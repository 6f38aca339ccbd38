"""Options of learning drug responses."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from scellm._options import in_range, one_of
from scellm.nn._response_network import RESPONSE_HEADS
from scellm.train._fine_tuning_config import TUNE


@dataclass(frozen=True)
class ResponseConfig:
    """Options of :meth:`scellm.DrugResponse.train`.

    Parameters
    ----------
    head
        "solved": ridge regression, solved on responses that low-rank factors denoise; "additive": drug + line +
        interaction of a line's and a drug's vector, trained by steps; "paper": the paper's perceptron; "deepcdr": the
        same over DeepCDR's expression branch. By default "additive" if drugs are read as graphs, else "solved".
    n_heads
        Heads, each learned without another part of the lines; their errors on the lines left out give the intervals.
        One head leaves out a fifth. Predictions are the mean of the heads, or of one that is solved on all lines. By
        default 5; 1 if the encoder is tuned.
    tune
        "head": the encoder stays fixed, and every line is encoded once; "last": its last block is trained as well;
        "full": all of it. Not for a solved head.
    rank
        Factors that denoise the responses of a solved head; 0 for none.
    per_drug
        Weigh drugs alike: deviations are divided by the drug's standard deviation before a head is learned. Otherwise a
        drug with a wide range counts more.
    max_epochs, patience
        Most passes over the lines, and passes without improvement on the lines left out after which training stops.
    lr, weight_decay
        Of AdamW.
    batch_lines
        Lines of a step, with all their drugs.
    """

    head: str | None = None
    n_heads: int | None = None
    tune: str = "head"
    rank: int = 20
    per_drug: bool = True
    max_epochs: int = 100
    patience: int = 15
    lr: float = 1e-3
    weight_decay: float = 1e-2
    batch_lines: int = 128

    def __post_init__(self) -> None:
        one_of("head", self.head, [None, *RESPONSE_HEADS])
        one_of("tune", self.tune, TUNE)
        if self.n_heads is not None:
            in_range("n_heads", self.n_heads, 1, 100, whole=True)
        in_range("rank", self.rank, 0, whole=True)
        in_range("max_epochs", self.max_epochs, 1, whole=True)
        in_range("patience", self.patience, 1, whole=True)
        in_range("lr", self.lr, 0, open_low=True)
        in_range("weight_decay", self.weight_decay, 0)
        in_range("batch_lines", self.batch_lines, 2, whole=True)
        if self.tune != "head" and (self.head == "solved" or (self.n_heads or 1) > 1):
            msg = (
                f"tune={self.tune!r} trains the encoder by steps, with one head: pass head='additive' or 'paper', and "
                f"n_heads=1. Found head={self.head!r}, n_heads={self.n_heads}."
            )
            raise ValueError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for storage."""
        return asdict(self)
