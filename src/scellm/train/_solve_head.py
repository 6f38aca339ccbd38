"""A linear head of cell types on fixed features: a convex problem, which is solved and not stepped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

STRENGTHS = (0.3, 1.0, 3.0)
"""Inverse strengths of the penalty that cross-validation chooses from; on sources of the corpus they differ little."""

FIXED_STRENGTH = 1.0
ENOUGH = 200
"""Labelled cells from which on the strength is chosen by cross-validation."""

_FOLDS, _CHOICE, _MANY, _HELD_OUT = 5, 1000, 2000, 0.1
_NEVER = -1e4  # logit of a type that has no cell to learn from


@dataclass(frozen=True)
class SolvedHead:
    """Logits of cell types, `features @ weight.T + bias`; calibrated.

    Parameters
    ----------
    weight
        float64, (types, features); a type without labelled cells has a row of zeros.
    bias
        float64, (types,); very low for a type without labelled cells.
    strength
        Inverse strength of the penalty (scikit-learn's `C`).
    temperature
        Number that the logits were divided by.
    scores
        Accuracy, macro-F1 and loss on held-out cells; empty if there were too few.
    how
        How cells were held out, in words.
    held_out, held_out_logits
        Cells that were held out, as indices, and their calibrated logits by heads that did not learn from them, int64,
        (n,), and float64, (n, types).
    """

    weight: np.ndarray
    bias: np.ndarray
    strength: float
    temperature: float
    scores: dict[str, float]
    how: str
    held_out: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    held_out_logits: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Logits, (cells, types)."""
        return features @ self.weight.T + self.bias


class HeadSolver:
    """Multinomial logistic regression on slices of features, and the mean of their logits that validates best.

    Features are centred and divided by one number, the root of their mean variance. As logits are linear, so is their
    mean: the result is one head.

    Parameters
    ----------
    x
        Features of the labelled cells, float32, (cells, features).
    codes
        Type of each, int64, (cells,).
    n_types
        Number of types.
    strength
        Inverse strength of the penalty; `None` chooses it.
    weights
        Weight of each type, (types,); `None` for equal weights.
    seed
        Seed of the folds.
    held_out
        Cells for validation only, as indices; by default they are chosen, and heads are solved on all cells in the end.
    """

    def __init__(
        self,
        x: np.ndarray,
        codes: np.ndarray,
        n_types: int,
        *,
        strength: float | None = None,
        weights: np.ndarray | None = None,
        seed: int = 0,
        held_out: np.ndarray | None = None,
    ) -> None:
        self.x, self.codes, self.n_types, self.weights, self.seed = x, codes, n_types, weights, seed
        self.held_out = None if held_out is None or not len(held_out) else held_out
        self.strength = self._choose() if strength is None else strength

    def solve(self, parts: Sequence[slice], mixtures: Sequence[tuple[int, ...]] = ((0,),)) -> SolvedHead:
        """Solve a head on each slice, and return the mixture of lowest loss on cells left out.

        Parameters
        ----------
        parts
            Slices of the features.
        mixtures
            Which parts are averaged; one is chosen.
        """
        used = sorted({i for mixture in mixtures for i in mixture})
        found = {i: self._out_of_fold(self.x[:, parts[i]]) for i in used}
        rows = found[used[0]][0]
        mean = lambda mixture: np.mean([found[i][1] for i in mixture], axis=0)
        best = min(mixtures, key=lambda m: self._calibrated(rows, mean(m))[1].get("loss", 0.0))
        logits = mean(best)
        temperature, scores = self._calibrated(rows, logits)
        weight, bias = np.zeros((self.n_types, self.x.shape[1])), np.zeros(self.n_types)
        for i in best:
            own, intercept = self._final(self.x[:, parts[i]])
            weight[:, parts[i]] += own / len(best)
            bias += intercept / len(best)
        return SolvedHead(
            weight / temperature,
            bias / temperature,
            self.strength,
            temperature,
            scores,
            self._how(),
            rows,
            logits / temperature,
        )

    def _how(self) -> str:
        if self.held_out is not None:
            return f"{len(self.held_out):,} held-out cells"
        return "a held-out tenth" if len(self.x) >= _MANY else f"{_FOLDS}-fold cross-validation"

    def _final(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight and bias from all cells that may be learned from."""
        rows = np.arange(len(x)) if self.held_out is None else np.setdiff1d(np.arange(len(x)), self.held_out)
        rotated, back = _rotated(x)
        weight, bias = self._fit(rotated[rows], self.codes[rows], x.shape[1])
        return weight if back is None else weight @ back, bias

    def _choose(self) -> float:
        """The strength with the lowest loss on cells left out, if there are enough; else a fixed one."""
        x = self.x
        if len(x) < ENOUGH:
            return FIXED_STRENGTH
        some = np.sort(np.random.default_rng(self.seed).permutation(len(x))[:_CHOICE])
        losses = []
        for strength in STRENGTHS:
            part = HeadSolver(
                x[some], self.codes[some], self.n_types, strength=strength, weights=self.weights, seed=self.seed
            )
            losses.append(part._calibrated(*part._out_of_fold(part.x))[1].get("loss", np.inf))
        return STRENGTHS[int(np.argmin(losses))]

    def _out_of_fold(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cells, and their logits by heads that were solved without them."""
        width = x.shape[1]
        x, _ = _rotated(x)
        rows, logits = [np.zeros(0, int)], [np.zeros((0, self.n_types))]
        for inside, outside in self._folds():
            outside = outside[np.isin(self.codes[outside], self.codes[inside])]  # a lone cell cannot be predicted
            if len(outside) and len(np.unique(self.codes[inside])) > 1:
                weight, bias = self._fit(x[inside], self.codes[inside], width)
                rows.append(outside)
                logits.append(x[outside] @ weight.T + bias)
        return np.concatenate(rows), np.concatenate(logits)

    def _folds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Cells to learn from and cells left out, the same share of every type in each fold."""
        n = len(self.codes)
        if self.held_out is not None:
            return [(np.setdiff1d(np.arange(n), self.held_out), self.held_out)]
        order = np.random.default_rng(self.seed).permutation(n)
        order = order[np.argsort(self.codes[order], kind="stable")]
        parts = round(1 / _HELD_OUT) if n >= _MANY else _FOLDS
        fold = np.empty(n, int)
        fold[order] = np.arange(n) % parts
        return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(1 if n >= _MANY else parts)]

    def _fit(self, x: np.ndarray, codes: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Weight and bias on features as they are, for all types; `width` is their number before any rotation."""
        mean = x.mean(0, dtype=np.float64)
        scale = float(np.sqrt(x.var(0, dtype=np.float64).sum() / width)) or 1.0
        present, index = np.unique(codes, return_inverse=True)
        by_type: Any = None if self.weights is None else {i: float(self.weights[t]) for i, t in enumerate(present)}
        model = LogisticRegression(C=self.strength, max_iter=1000, class_weight=by_type)
        with threadpool_limits(1):  # the problems are small: threads that wait for each other cost more than they give
            model.fit(((x - mean) / scale).astype(np.float32), index)
        coefficients, intercept = model.coef_, model.intercept_
        if len(present) == 2:  # scikit-learn then has one row, for the second type
            coefficients, intercept = np.vstack([-coefficients, coefficients]) / 2, np.array([-1, 1]) * intercept / 2
        weight, bias = np.zeros((self.n_types, x.shape[1])), np.full(self.n_types, _NEVER)
        weight[present] = coefficients / scale
        bias[present] = intercept - weight[present] @ mean
        return weight, bias

    def _calibrated(self, rows: np.ndarray, logits: np.ndarray) -> tuple[float, dict[str, float]]:
        """Temperature of lowest loss on cells left out (Guo et al. 2017, arXiv:1706.04599), and scores on them.

        For the temperature, one error more than was seen is assumed (as Platt 1999), so that a few cells that are all
        right do not make the model certain.
        """
        if len(rows) < 2:
            return 1.0, {}
        y = self.codes[rows]
        share = 1 / (len(y) + 2)
        log_p = lambda log_t: np.maximum(log_softmax(logits / np.exp(log_t), axis=1), -1e3)
        loss = lambda log_t: -log_p(log_t)[np.arange(len(y)), y].mean()
        known = np.unique(y)
        smoothed = lambda log_t: (1 - share) * loss(log_t) - share * log_p(log_t)[:, known].mean()
        best = float(minimize_scalar(smoothed, bounds=(-2.5, 2.5), method="bounded").x)
        predicted = logits.argmax(1)
        scores = {
            "accuracy": float((predicted == y).mean()),
            "macro_f1": float(f1_score(y, predicted, average="macro", zero_division=0)),
            "loss": float(loss(best)),
        }
        return float(np.exp(best)), scores


def _rotated(x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Features in as many dimensions as there are cells, if these are fewer, and the rotation back.

    A penalty on the length of weights does not see a rotation, and directions in which no cell varies get no weight:
    the solution is the same, and is found faster.
    """
    n, width = x.shape
    if n >= width:
        return x, None
    basis = np.linalg.svd(x.astype(np.float64), full_matrices=False)[2]  # (n, width)
    return (x @ basis.T).astype(np.float32), basis
