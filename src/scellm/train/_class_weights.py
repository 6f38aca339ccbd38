"""Weights of cell types in the loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from scellm._options import one_of
from scellm.train._fine_tuning_config import CLASS_WEIGHTS


def class_weights(
    how: str | Mapping[str, float] | None, codes: np.ndarray, types: list[str]
) -> Float[Tensor, " types"] | None:
    """Weight of each type in the loss, with mean 1 over the types that occur.

    Parameters
    ----------
    how
        `None`, "balanced" (one over the number of cells of the type), "paper-code" (the squared share of cells of other
        types) or a weight for each type.
    codes
        Type of each training cell, int, (cells,).
    types
        Names of the types.

    Returns
    -------
    torch.Tensor or None
        float32, (types,).

    Raises
    ------
    ValueError
        If the name is not known, a type has no weight, or a weight is negative or not finite.
    """
    if how is None:
        return None
    n = np.bincount(codes, minlength=len(types))
    if isinstance(how, Mapping):
        lacking = [t for t in types if t not in how]
        if lacking:
            msg = f"class_weights has no weight for {lacking[:3]}; the types are {types}."
            raise ValueError(msg)
        weights = np.array([how[t] for t in types], dtype=float)
        if not np.isfinite(weights).all() or (weights < 0).any() or not (weights[n > 0] > 0).any():
            msg = f"class_weights must be finite, at least 0, and not all 0; found {dict(how)}."
            raise ValueError(msg)
    else:
        one_of("class_weights", how, CLASS_WEIGHTS)
        weights = (1 - n / n.sum()) ** 2 if how == "paper-code" else np.where(n > 0, 1 / np.maximum(n, 1), 0)
    return torch.tensor(weights / weights[n > 0].mean(), dtype=torch.float32)
