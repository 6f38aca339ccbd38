"""Whitening by the covariance within groups."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_FLOOR = 0.1  # of the largest variance, added to all: directions of little spread are not blown up


def within_group_whitening(
    embeddings: Float[Tensor, "cells dim"], groups: np.ndarray, floor: float = _FLOOR
) -> Float[Tensor, "dim dim"]:
    r"""The linear map :math:`s (S + f \lambda_{max} I)^{-1/2}` with :math:`S` the covariance within groups.

    Within-class covariance normalisation of speaker verification (Hatch et al. 2006). What varies within a group is
    made small beside what varies between groups.

    Parameters
    ----------
    embeddings
        Embeddings, float64.
    groups
        Group of each cell, (cells,).
    floor
        :math:`f`.

    Returns
    -------
    torch.Tensor
        float64, symmetric, to be applied from the right; :math:`s` keeps the total variance of these embeddings.

    Raises
    ------
    ValueError
        If no group has two cells that differ.
    """
    codes = torch.from_numpy(np.unique(groups, return_inverse=True)[1].ravel())
    n = int(codes.max()) + 1
    sums = embeddings.new_zeros(n, embeddings.shape[1]).index_add_(0, codes, embeddings)
    size = torch.bincount(codes, minlength=n)
    rest = embeddings - (sums / size[:, None])[codes]  # (cells, d)
    within = rest.T @ rest / max(len(rest) - n, 1)  # (d, d)
    values, vectors = torch.linalg.eigh(within)
    if not float(values.max()) > 0:
        msg = f"No cluster has two cells that differ ({len(rest)} cells, {n} clusters). Pass whiten=None."
        raise ValueError(msg)
    root = (values.clamp(min=0) + floor * values.max()).rsqrt()
    found = vectors * root @ vectors.T  # (d, d)
    before, after = (x.var(0).sum() for x in (embeddings, embeddings @ found))
    return found * (before / after).sqrt()
