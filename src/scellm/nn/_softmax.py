"""Exact softmax attention, by torch's own kernels."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Softmax(nn.Module):
    """Attention without approximation; takes the same parameters as FAVOR+, whose projection it leaves unused.

    Its cost grows with the square of the genes of a cell; on a CPU the `50m` shape took
    as long as with FAVOR+ at 930 genes and 1.3 times as long at 1,575 (`benchmarks/inference.py`).
    """

    max_padding = 0.05

    def forward(
        self,
        q: Float[Tensor, "cells heads length dim_head"],
        k: Float[Tensor, "cells heads length dim_head"],
        v: Float[Tensor, "cells heads length dim_head"],
        real: Bool[Tensor, "cells length"] | None,
        projection: Float[Tensor, "features dim_head"],
    ) -> Float[Tensor, "cells heads length dim_head"]:
        """Attend within each cell. `real` is False at padding, or None where there is none."""
        return scaled_dot_product_attention(q, k, v, attn_mask=None if real is None else real[:, None, None, :])
