"""What is read off the encoder: masked bins, origin, cell types."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from scellm.nn._config import Config


class MaskedHead(nn.Linear):
    """Scores of the bins for each token. [CLS] and [MASK] have scores too, as in the published layer of eight.

    Parameters
    ----------
    config
        The shape.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config.dim, config.n_bins + 2)


class OriginHead(nn.Linear):
    """Score of "tumour" from the vector of [CLS] (paper, section 3.3: one linear layer).

    Parameters
    ----------
    config
        The shape.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config.dim, 1)


class Projector(nn.Sequential):
    """What the contrastive objective compares in place of cells' vectors, if asked for: a perceptron that is used in pretraining only.

    What the objective throws away, such as that of a tissue it does not see, goes in the perceptron and stays in the vector (SimCLR,
    Chen et al. 2020, arXiv:2002.05709, section 4.2). The paper has none.

    Parameters
    ----------
    config
        The shape.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            nn.LayerNorm(config.dim), nn.Linear(config.dim, config.projector), nn.GELU(), nn.Linear(config.projector, config.dim),
        )  # fmt: skip


class AnnotationHead(nn.Sequential):
    """Scores of cell types from a cell's vector.

    With the pooling before it, three feed-forward layers as in the paper (table F.1: 512, 128 and the types).

    Parameters
    ----------
    config
        The shape.
    n_types
        Number of cell types.
    dropout
        Probability between the layers.
    """

    def __init__(self, config: Config, n_types: int, dropout: float = 0.1) -> None:
        super().__init__(
            nn.LayerNorm(config.cell_dim),  # the sum over genes grows with their number; depth must not decide the type
            nn.ReLU(), nn.Dropout(dropout), nn.Linear(config.cell_dim, 128),
            nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, n_types),
        )  # fmt: skip

    def forward(self, cells: Float[Tensor, "cells dim"]) -> Float[Tensor, "cells types"]:
        """Scores of the types."""
        return super().forward(cells)
