"""The interface of an attention kernel: a function of queries, keys and values, and its cost in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import Bool, Float
from torch import Tensor, nn


class AttentionKernel(nn.Module, ABC):
    """Attention within each cell, after queries, keys and values were computed and before the heads are joined.

    Subclasses have no parameters, so that one model can be run with another attention.
    """

    max_padding: ClassVar[float] = 0.05
    """Largest share of padding in a chunk; 0 if the kernel cannot leave padding out."""

    @abstractmethod
    def forward(
        self,
        q: Float[Tensor, "cells heads length dim_head"],
        k: Float[Tensor, "cells heads length dim_head"],
        v: Float[Tensor, "cells heads length dim_head"],
        real: Bool[Tensor, "cells length"] | None,
        projection: Float[Tensor, "features dim_head"],
    ) -> Float[Tensor, "cells heads length dim_head"]:
        """Attend within each cell.

        Parameters
        ----------
        q, k, v
            Queries, keys and values.
        real
            False at padding; `None` if there is no padding.
        projection
            Random projection of the model; kernels that need none ignore it.

        Returns
        -------
        torch.Tensor
            One vector per token and head; that of padding has no meaning.
        """

    @classmethod
    def saved_values(cls, heads: int, dim_head: int, features: int, bytes_per_value: int) -> float:
        """Values per token that are kept for the gradient: by default queries, keys, values and the result.

        Parameters
        ----------
        heads, dim_head
            Attention heads and their width.
        features
            Number of random features.
        bytes_per_value
            4, or 2 in bf16.

        Returns
        -------
        float
            Number of values.
        """
        return 4 * heads * dim_head
