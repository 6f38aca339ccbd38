"""FAVOR+ as performer-pytorch computes it: the reference for our implementation."""

from __future__ import annotations

from typing import Any

from jaxtyping import Bool, Float
from torch import Tensor

from scellm.nn._kernel import AttentionKernel


class PerformerPytorch(AttentionKernel):
    """`FastAttention` of performer-pytorch with our projection, on cells of equal length, as it has no mask for keys.

    Raises
    ------
    ImportError
        If performer-pytorch is not installed.
    """

    max_padding = 0.0

    def __init__(self) -> None:
        super().__init__()
        self._attention: dict[tuple[int, int], Any] = {}
        _import()

    def forward(
        self,
        q: Float[Tensor, "cells heads length dim_head"],
        k: Float[Tensor, "cells heads length dim_head"],
        v: Float[Tensor, "cells heads length dim_head"],
        real: Bool[Tensor, "cells length"] | None,
        projection: Float[Tensor, "features dim_head"],
    ) -> Float[Tensor, "cells heads length dim_head"]:
        """Attend within each cell."""
        if real is not None:
            msg = "performer-pytorch cannot leave padding out; give it cells of one length (Tokens.cut, max_padding=0)."
            raise ValueError(msg)
        shape = (projection.shape[1], projection.shape[0])
        if shape not in self._attention:
            self._attention[shape] = _import()(shape[0], nb_features=shape[1]).to(q.device)
        attention = self._attention[shape]
        attention.projection_matrix = projection.to(q.dtype)
        return attention(q, k, v)


def _import() -> Any:
    try:
        from performer_pytorch import FastAttention
    except ImportError as error:
        msg = (
            "attention='performer-pytorch' needs that library: pip install 'scellm[performer]'. attention='favor' is "
            "the same formula."
        )
        raise ImportError(msg) from error
    return FastAttention
