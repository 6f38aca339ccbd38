"""The interface of a pooling: from the tokens of a cell to one embedding (paper, appendix F, "Pooling")."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from scellm._tokens import Padded, Tokens


class Pooling(nn.Module, ABC):
    """One cell embedding from the vectors of a cell's tokens.

    Parameters
    ----------
    n_genes
        Size of the vocabulary.
    n_bins
        Number of bins.
    dim
        Width of a token, and number of learned dimensions of a cell embedding.
    hashed_dim
        Dimensions of hashed gene features, for poolings that have them.
    """

    @abstractmethod
    def __init__(self, n_genes: int, n_bins: int, dim: int, hashed_dim: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, hidden: Float[Tensor, "cells length dim"], cells: Padded) -> Float[Tensor, "cells cell_dim"]:
        """One embedding per cell.

        Parameters
        ----------
        hidden
            Vectors of the tokens.
        cells
            The tokens.

        Returns
        -------
        torch.Tensor
            float32 or float64.
        """

    @staticmethod
    def cell_dim(dim: int, hashed_dim: int) -> int:
        """Dimensions of a cell embedding; `dim` unless a pooling adds others."""
        return dim

    @property
    def needs_cells(self) -> bool:
        """Whether :meth:`initialize` is still to be called with training cells."""
        return False

    def initialize(self, tokens: Tokens, seed: int = 0) -> None:
        """Set initial weights from training cells, once before pretraining; by default there is nothing to set.

        Parameters
        ----------
        tokens
            A few thousand training cells.
        seed
            Seed of random draws.
        """

    @property
    def gene_vectors(self) -> Float[Tensor, "genes dim"] | None:
        """The vectors whose weighted sum a cell is; `None` for a pooling without them."""
        return None

    def transform(self, matrix: Float[Tensor, "dim dim"]) -> None:
        """Multiply the learned dimensions of every embedding by a matrix, by changing the weights.

        Parameters
        ----------
        matrix
            The map, to be applied from the right.

        Raises
        ------
        ValueError
            If the pooling has no linear last step.
        """
        msg = (
            f"{type(self).__name__} has no linear last step that could hold a linear map of the embeddings. Pass "
            "pooling='expression' or 'sparse' to the model."
        )
        raise ValueError(msg)

    def read_direction(self, direction: Float[Tensor, " dim"]) -> None:
        """Initialise the reading of tokens to the direction of the bin embeddings; by default nothing is done."""
