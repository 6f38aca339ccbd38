"""FAVOR+: linear attention by positive orthogonal random features (Choromanski et al. 2021, arXiv:2009.14794)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from scellm.nn._favor_fused import FusedFavorFunction, can_fuse
from scellm.nn._favor_kernel import EPS, FavorFunction, half_norm, keeps_features
from scellm.nn._kernel import AttentionKernel


def favor(
    q: Float[Tensor, "cells heads length dim_head"],
    k: Float[Tensor, "cells heads length dim_head"],
    v: Float[Tensor, "cells heads length dim_head"],
    real: Bool[Tensor, "cells length"] | None,
    projection: Float[Tensor, "features dim_head"],
) -> Float[Tensor, "cells heads length dim_head"]:
    """The formula of :class:`scellm.nn.Favor`, line by line; autograd gives its gradient.

    Parameters
    ----------
    q, k, v, real, projection
        As in :class:`AttentionKernel`.

    Returns
    -------
    torch.Tensor
        The same as :class:`scellm.nn.Favor`, in more memory.
    """
    w = projection * q.shape[-1] ** -0.25  # (m, d)
    real = torch.ones_like(q[:, 0, :, 0], dtype=torch.bool) if real is None else real
    real = real[:, None, :, None]  # (b, 1, n, 1)
    dash_q, dash_k = q @ w.T, k @ w.T  # (b, h, n, m)
    stabiliser_q = dash_q.amax(-1, keepdim=True).detach()  # (b, h, n, 1)
    stabiliser_k = dash_k.masked_fill(~real, -torch.inf).amax((-1, -2), keepdim=True).detach()  # (b, h, 1, 1)
    features_q = torch.exp(dash_q - half_norm(q) - stabiliser_q) + EPS
    features_k = (torch.exp(dash_k - half_norm(k) - stabiliser_k) + EPS).masked_fill(~real, 0.0)
    return features_q @ (features_k.mT @ v) / (features_q @ features_k.sum(-2)[..., None])


class Favor(AttentionKernel):
    r"""Attention with the softmax kernel in time and memory linear in the number of genes.

    With :math:`W` the projection (features, dim_head), :math:`s = d^{-1/4}` and the stabilisers :math:`c`,

    .. math::
        q' = \exp(sWq - \tfrac12 \lVert sq \rVert^2 - c_q) + \epsilon, \qquad
        k' = \exp(sWk - \tfrac12 \lVert sk \rVert^2 - c_k) + \epsilon, \qquad
        o_i = \frac{q'_i \cdot \sum_j k'_j v_j^\top}{q'_i \cdot \sum_j k'_j}

    :math:`c_q` is the largest :math:`sWq` of the token, :math:`c_k` that of the cell and head over its real genes; both
    are constants for the gradient. Padding is left out of keys, values and the denominator, so a cell's result depends
    on that cell alone. (The published encoder takes :math:`c_k` over the whole batch, and keeps padding in the
    denominator.)

    :func:`favor` is this formula in plain torch; here it is computed in blocks, with a hand-written gradient. Features
    are kept for the gradient if that takes at most 32 MiB (a chunk of `mini`), and recomputed otherwise.

    On a GPU in bf16 or fp16, kernels of Triton compute it without writing features to memory. At their first use they
    are compared with the plain version, results and gradients, and left out with a warning if they differ.
    `SCELLM_FUSED=0` in the environment leaves them out at once.
    """

    def forward(
        self,
        q: Float[Tensor, "cells heads length dim_head"],
        k: Float[Tensor, "cells heads length dim_head"],
        v: Float[Tensor, "cells heads length dim_head"],
        real: Bool[Tensor, "cells length"] | None,
        projection: Float[Tensor, "features dim_head"],
    ) -> Float[Tensor, "cells heads length dim_head"]:
        """Attend within each cell."""
        if can_fuse(q, projection):
            return FusedFavorFunction.apply(q, k, v, real, projection)
        keep = keeps_features(q.numel() // q.shape[-1], len(projection), q.element_size())
        return FavorFunction.apply(q, k, v, real, projection, keep)

    @classmethod
    def saved_values(cls, heads: int, dim_head: int, features: int, bytes_per_value: int) -> float:
        """Queries, keys, values, the result, sums over keys, and the features where they are kept."""
        sums = heads * features * (dim_head + 1) / 500  # per cell, for about 500 genes
        kept = 2 * heads * features if keeps_features(8192 * heads, features, bytes_per_value) else 0
        return super().saved_values(heads, dim_head, features, bytes_per_value) + sums + kept


def orthogonal_projection(
    features: int, dim_head: int, generator: torch.Generator | None = None
) -> Float[Tensor, "features dim_head"]:
    """Rows orthogonal in groups of `dim_head`, each with the length of a Gaussian vector.

    Choromanski et al., section 3; orthogonal random features of Yu et al. 2016.

    Parameters
    ----------
    features
        Number of rows.
    dim_head
        Length of a row.
    generator
        Source of random numbers; by default torch's own, which `scvi.settings.seed` seeds.

    Returns
    -------
    torch.Tensor
        float32.
    """
    groups = -(-features // dim_head)
    gauss = torch.randn(groups, dim_head, dim_head, generator=generator, dtype=torch.float64)
    rows = torch.linalg.qr(gauss).Q.mT.reshape(-1, dim_head)[:features]
    length = torch.randn(features, dim_head, generator=generator, dtype=torch.float64).norm(dim=1)
    return (rows * length[:, None]).float()
