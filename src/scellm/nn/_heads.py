"""Prediction heads: masked bins, malignancy, cell types; and the projection head of the contrastive objective."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class MaskedHead(nn.Linear):
    """Logits of the bins, for each token; as in the published layer of eight, [CLS] and [MASK] have logits too.

    Parameters
    ----------
    dim
        Width of a token.
    n_bins
        Number of bins.
    """

    def __init__(self, dim: int, n_bins: int) -> None:
        super().__init__(dim, n_bins + 2)


class MalignancyHead(nn.Linear):
    """Logit of "tumour" from the vector of [CLS] (paper, section 3.3: one linear layer).

    Parameters
    ----------
    dim
        Width of a token.
    """

    def __init__(self, dim: int) -> None:
        super().__init__(dim, 1)


class ProfileHead(nn.Module):
    r"""What a cell embedding :math:`h` adds to the logits of all genes: :math:`\langle A_g, W h \rangle`.

    The gene vectors :math:`A_g` are those of the pooling, as language models share the vectors of words between input
    and output. Random numbers are not used: a seed gives the same model with this head and without.

    Parameters
    ----------
    dim
        Width of an embedding.
    n_genes
        Size of the vocabulary.
    """

    background: Float[Tensor, " genes"]

    def __init__(self, dim: int, n_genes: int) -> None:
        super().__init__()
        self.map = nn.Parameter(torch.eye(dim) / dim)  # small: the first logits are near the mean profile
        self.register_buffer("background", torch.zeros(n_genes))  # log of the mean profile of the training cells

    def forward(
        self, embeddings: Float[Tensor, "cells dim"], vectors: Float[Tensor, "genes dim"]
    ) -> Float[Tensor, "cells genes"]:
        """What is added to the log of a mean profile."""
        return embeddings.to(self.map.dtype) @ self.map @ vectors.to(self.map.dtype).T


class ProjectionHead(nn.Sequential):
    """A perceptron between the cell embedding and the contrastive objective, used in pretraining only.

    The projection head absorbs the invariances of the loss, so the embedding keeps the information that the loss
    discards (SimCLR, Chen et al. 2020, arXiv:2002.05709, section 4.2). The paper has none.

    Parameters
    ----------
    dim
        Width of its input and output.
    hidden
        Width of its inner layer.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__(nn.LayerNorm(dim), nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))


class LinearHead(nn.Linear):
    """Logits of cell types, linear in the cell embedding; zero until it is solved or trained.

    Parameters
    ----------
    cell_dim
        Dimensions of a cell embedding.
    n_types
        Number of cell types.
    """

    def __init__(self, cell_dim: int, n_types: int) -> None:
        with torch.random.fork_rng(devices=[]):  # random numbers that are overwritten move no stream
            super().__init__(cell_dim, n_types)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


class AnnotationHead(nn.Sequential):
    """Logits of cell types from a cell embedding, by a perceptron.

    Together with the pooling before it, three feed-forward layers as in the paper (table F.1: 512, 128 and the types).

    Parameters
    ----------
    cell_dim
        Dimensions of a cell embedding.
    n_types
        Number of cell types.
    dropout
        Probability between the layers.
    """

    def __init__(self, cell_dim: int, n_types: int, dropout: float = 0.1) -> None:
        super().__init__(
            nn.LayerNorm(cell_dim),  # the sum over genes grows with their number; the type must not depend on depth
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(cell_dim, 128),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(128, n_types),
        )

    def forward(self, cells: Float[Tensor, "cells dim"]) -> Float[Tensor, "cells types"]:
        """Logits of the types."""
        return super().forward(cells)
