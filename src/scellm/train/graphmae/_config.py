"""The options of GraphMAE."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from scellm._options import in_range


@dataclass(frozen=True)
class GraphMAEConfig:
    """Options for learning gene embeddings. CellLM's paper names the method but gives no settings.

    Mask and replace rate, gamma, dropout and layers are GraphMAE's for Cora; learning rate, weight decay and epochs
    were chosen on held-out edges of STRING (`benchmarks/gene_embeddings.py`).

    Parameters
    ----------
    dim
        Dimensions of a gene embedding.
    hidden
        Width of the encoder's layers but the last; by default `dim`.
    layers
        Number of layers of the encoder; the decoder has one.
    heads
        Attention heads of a layer of the encoder; they share its width. The decoder has one.
    n_features
        Initial features of a gene: singular vectors for "svd", width of the learned table for "identity".
    mask_rate, replace_rate
        Share of genes that are masked, and the share of those that get another gene's features instead of the mask
        token.
    gamma
        Power of the scaled cosine error; a higher power gives less weight to easy genes.
    edge_drop
        Share of pairs that are left out of the encoder's graph in a step.
    feature_dropout, attention_dropout
        Probability of dropout before a layer's linear map, and on its attention.
    lr, weight_decay
        Learning rate and weight decay of Adam; the rate falls along one cosine over `max_epochs`.
    max_epochs
        Steps, each over the whole network.
    validation_size
        Share of genes that are held out for early stopping: never masked in training, all masked for the validation
        loss. With identity features they are masked in training too, since an unseen class cannot be predicted; the
        loss then shows when learning has ended, but not overfitting. 0 for none.
    validate_every, patience
        Epochs between two validation losses, and how many of them may pass without a lower one. The best weights are
        restored.

    Raises
    ------
    ValueError
        If a value is out of its range.
    """

    dim: int = 128
    hidden: int | None = None
    layers: int = 2
    heads: int = 4
    n_features: int = 256
    mask_rate: float = 0.5
    replace_rate: float = 0.05
    gamma: float = 3.0
    edge_drop: float = 0.0
    feature_dropout: float = 0.2
    attention_dropout: float = 0.1
    lr: float = 3e-3
    weight_decay: float = 0.0
    max_epochs: int = 150
    validation_size: float = 0.1
    validate_every: int = 10
    patience: int = 5

    def __post_init__(self) -> None:
        for name in ("dim", "layers", "heads", "n_features", "max_epochs", "validate_every", "patience"):
            in_range(name, getattr(self, name), 1, whole=True)
        for name, width in (("dim", self.dim), ("hidden", self.width)):
            if width % self.heads:
                msg = f"{name}={width} must be a multiple of heads={self.heads}, which share it."
                raise ValueError(msg)
        in_range("mask_rate", self.mask_rate, 0, 1, open_low=True, open_high=True)
        for name in ("replace_rate", "edge_drop", "feature_dropout", "attention_dropout", "validation_size"):
            in_range(name, getattr(self, name), 0, 1, open_high=True)
        in_range("gamma", self.gamma, 1)
        in_range("lr", self.lr, 0, open_low=True)
        in_range("weight_decay", self.weight_decay, 0)

    @property
    def width(self) -> int:
        """Width of the inner layers."""
        return self.hidden or self.dim

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return asdict(self)
