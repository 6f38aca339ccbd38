"""Kernel ridge regression whose penalty is chosen by exact leave-one-out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from threadpoolctl import threadpool_limits

from scellm._options import one_of

PENALTIES = 10.0 ** np.arange(-3, 3.01, 0.5)
KERNELS = ("rbf", "linear")

_MOST_LEVERAGE = 0.999


@dataclass(frozen=True)
class Kernel:
    """Similarity of profiles, each gene centred and scaled over the training lines.

    Parameters
    ----------
    mean, scale
        Of each gene, float64, (genes,).
    z
        Scaled training profiles, (training lines, genes).
    width
        Mean squared distance that the similarity falls by a factor of e over; `None` for a linear kernel.
    """

    mean: np.ndarray
    scale: np.ndarray
    z: np.ndarray
    width: float | None

    @classmethod
    def of(cls, x: np.ndarray, kind: str = "rbf") -> Self:
        """Fit to training profiles, (lines, genes); the width is the median distance between them."""
        one_of("kernel", kind, KERNELS)
        mean, scale = x.mean(0), x.std(0) + 1e-6
        z = (x - mean) / scale
        if kind == "linear":
            return cls(mean, scale, z, None)
        distances = _distances(z, z)
        apart = distances[distances > 1e-9]
        return cls(mean, scale, z, float(np.median(apart)) if len(apart) else 1.0)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Similarities to the training lines, (lines, training lines)."""
        z = (x - self.mean) / self.scale
        return z @ self.z.T / z.shape[1] if self.width is None else np.exp(-_distances(z, self.z) / self.width)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Mean squared differences, (rows of a, rows of b)."""
    n = a.shape[1]
    return np.maximum((a * a).sum(1)[:, None] / n + (b * b).sum(1)[None] / n - 2 * a @ b.T / n, 0.0)


def solve(kernel: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Coefficients of the training lines, with one penalty for all targets.

    Parameters
    ----------
    kernel
        Similarities of the training lines, (lines, lines).
    targets
        Centred values, complete, (lines, targets).

    Returns
    -------
    numpy.ndarray
        float64, (lines, targets). The penalty has the lowest squared leave-one-out error, which the eigenvectors of the
        kernel give exactly (Rifkin and Lippert 2007, MIT-CSAIL-TR-2007-025).
    """
    with threadpool_limits(1):  # lines are few: threads cost more than they give
        values, vectors = np.linalg.eigh(kernel)
        rotated = vectors.T @ targets
        losses = []
        for penalty in PENALTIES:
            kept = values / (values + penalty)
            left = targets - vectors @ (kept[:, None] * rotated)
            leverage = np.minimum((vectors * vectors) @ kept, _MOST_LEVERAGE)
            losses.append(float(((left / (1 - leverage)[:, None]) ** 2).mean()))
        return vectors @ (rotated / (values + PENALTIES[int(np.argmin(losses))])[:, None])
