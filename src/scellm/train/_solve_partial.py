"""A linear head of cell types from labels of any fineness: "T cell" in one source, "regulatory T cell" in another."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.optimize import minimize
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits


def solve_partial(
    x: np.ndarray | sp.csr_matrix,
    allowed: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    strength: float = 1.0,
    max_iter: int = 300,
) -> tuple[np.ndarray, np.ndarray]:
    r"""Multinomial logistic regression in which a label is a set of types.

    A cell's loss is minus the logarithm of the probability of its set, :math:`-\log\sum_{t \in S} p_t` (the likelihood
    of coarsened data: Heitjan and Rubin 1991). With sets of one type this is ordinary logistic regression, which is
    convex; with larger sets the solution reached from zero is returned.

    Parameters
    ----------
    x
        Features, (cells, features); features should vary about as much as 1.
    allowed
        Which types the label of a cell allows, boolean, (cells, types); at least one a cell.
    weights
        Weight of each cell, (cells,); `None` for equal ones.
    strength
        Inverse strength of the penalty on the length of the weights, as scikit-learn's `C`.
    max_iter
        Most iterations of L-BFGS.

    Returns
    -------
    tuple
        Weight, float64, (types, features), and bias, float64, (types,).

    Raises
    ------
    ValueError
        If a cell allows no type.
    """
    n, width = x.shape
    types = allowed.shape[1]
    if not allowed.any(1).all():
        msg = f"{int((~allowed.any(1)).sum()):,} cells allow no type; leave them out."
        raise ValueError(msg)
    share = np.ones(n) if weights is None else np.asarray(weights, np.float64)
    outside = np.where(allowed, 0.0, -np.inf)  # (cells, types)
    dtype = x.dtype
    across = x.T if isinstance(x, np.ndarray) else x.T.tocsr()

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = flat[:-types].reshape(types, width), flat[-types:]
        logits = np.asarray(x @ weight.T.astype(dtype), np.float64) + bias  # (cells, types)
        total, inside = logsumexp(logits, axis=1), logsumexp(logits + outside, axis=1)  # (cells,)
        slope = np.exp(logits - total[:, None]) - np.exp(logits + outside - inside[:, None])
        slope *= share[:, None]
        by_weight = np.asarray(across @ slope.astype(dtype), np.float64).T  # (types, features)
        value = strength * float(share @ (total - inside)) + float((weight**2).sum()) / 2
        return value, np.concatenate([(strength * by_weight + weight).ravel(), strength * slope.sum(0)])

    with threadpool_limits(1):
        found = minimize(
            loss, np.zeros(types * width + types), jac=True, method="L-BFGS-B", options={"maxiter": max_iter}
        )
    return found.x[:-types].reshape(types, width), found.x[-types:]
