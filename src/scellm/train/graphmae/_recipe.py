"""The options of GraphMAE, checked, in one place that a file can hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class GraphMAERecipe:
    """How to learn gene vectors. CellLM's paper names the method and no setting.

    Mask and replace rate, gamma, dropout and layers are GraphMAE's for Cora; learning rate, weight decay and epochs were chosen on held-out
    edges of STRING (`benchmarks/gene_embeddings.py`).

    Parameters
    ----------
    dim
        Length of a gene's vector.
    hidden
        Width of the encoder's layers but the last; by default `dim`.
    layers
        Layers of the encoder; the decoder has one.
    heads
        Attention heads of a layer of the encoder; they share its width. The decoder has one.
    n_features
        Numbers a gene starts from: singular vectors for "svd", length of the learned table for "identity".
    mask_rate, replace_rate
        Share of genes whose features are hidden and to be told, and the share of those that get another gene's features instead of
        the mask token.
    gamma
        Power of the scaled cosine error: high, and easy genes count less.
    edge_drop
        Share of pairs left out of each step's encoder.
    feature_dropout, attention_dropout
        Before a layer's linear map, and on its attention.
    lr, weight_decay
        Of Adam; the rate falls along one cosine over `max_epochs`.
    max_epochs
        Steps, each over the whole network.
    validation_size
        Share of genes kept aside to stop on: never hidden while learning, hidden together when the loss on them is taken. With identity
        features they are hidden while learning too, as a gene that was never the answer cannot be told; the loss on them then shows
        when learning has ended, not when it goes too far. 0 for none.
    validate_every, patience
        Epochs between two such losses, and how many of them may pass without a lower one. The best weights are put back.
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
        self._check_whole_numbers()
        self._check_shares()
        if self.gamma < 1 or self.lr <= 0 or self.weight_decay < 0:
            msg = f"gamma must be at least 1, lr positive, weight_decay not negative; found {self.gamma}, {self.lr}, {self.weight_decay}."
            raise ValueError(msg)

    def _check_whole_numbers(self) -> None:
        small = [
            k
            for k in ("dim", "layers", "heads", "n_features", "max_epochs", "validate_every", "patience")
            if getattr(self, k) < 1
        ]
        if small:
            msg = f"{small} must be at least 1; found {[getattr(self, k) for k in small]}."
            raise ValueError(msg)
        for name, width in (("dim", self.dim), ("hidden", self.width)):
            if width % self.heads:
                msg = f"{name}={width} must be a multiple of heads={self.heads}, which share it."
                raise ValueError(msg)

    def _check_shares(self) -> None:
        if not 0 < self.mask_rate < 1:
            msg = f"mask_rate must be between 0 and 1; found {self.mask_rate}."
            raise ValueError(msg)
        for name in ("replace_rate", "edge_drop", "feature_dropout", "attention_dropout", "validation_size"):
            if not 0 <= getattr(self, name) < 1:
                msg = f"{name} must be in [0, 1); found {getattr(self, name)}."
                raise ValueError(msg)

    @property
    def width(self) -> int:
        """Width of the inner layers."""
        return self.hidden or self.dim

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers."""
        return asdict(self)
