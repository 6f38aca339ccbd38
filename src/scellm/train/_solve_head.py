"""A linear head of cell types on fixed features: a convex problem, which is solved and not stepped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

STRENGTHS = (0.3, 1.0, 3.0)
"""Inverse strengths of the penalty that cross-validation chooses from; on sources of the corpus they differ little."""

FIXED_STRENGTH = 1.0
ENOUGH = 200
"""Labelled cells from which on the strength is chosen by cross-validation."""

_FOLDS, _CHOICE, _MANY, _HELD_OUT = 5, 1000, 2000, 0.1


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
    """

    weight: np.ndarray
    bias: np.ndarray
    strength: float
    temperature: float
    scores: dict[str, float]
    how: str

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Logits, (cells, types)."""
        return features @ self.weight.T + self.bias


class HeadSolver:
    """Multinomial logistic regression on several sets of features, whose logits are averaged.

    Each set of features is centred and divided by one number, the root of its mean variance. As logits are linear, so
    is their mean: the result is one head on all features side by side.

    Parameters
    ----------
    codes
        Type of each labelled cell, int64, (cells,).
    n_types
        Number of types.
    strength
        Inverse strength of the penalty; `None` chooses it.
    weights
        Weight of each type, (types,); `None` for equal weights.
    seed
        Seed of the folds.
    """

    def __init__(
        self, codes: np.ndarray, n_types: int, strength: float | None, weights: np.ndarray | None, seed: int
    ) -> None:
        self.codes, self.n_types, self.strength, self.weights, self.seed = codes, n_types, strength, weights, seed

    def solve(self, parts: Sequence[np.ndarray], held_out: np.ndarray | None = None) -> list[SolvedHead]:
        """One head for each set of features.

        Parameters
        ----------
        parts
            Features of the labelled cells, float32, (cells, features), one array for each head.
        held_out
            Cells for validation only, as indices; by default they are chosen, and the head is solved on all cells in
            the end.
        """
        return [self._solve(x, held_out) for x in parts]

    def joined(self, heads: Sequence[SolvedHead], parts: Sequence[np.ndarray], slices: Sequence[slice]) -> SolvedHead:
        """The mean of heads as one head on the widest features, calibrated on its own.

        Parameters
        ----------
        heads
            Heads.
        parts
            Features of each, of the labelled cells.
        slices
            Where the features of each head are among the widest.
        """
        width = max(x.shape[1] for x in parts)
        weight, bias = np.zeros((self.n_types, width)), np.zeros(self.n_types)
        for head, at in zip(heads, slices, strict=True):
            weight[:, at] += head.weight * head.temperature / len(heads)
            bias += head.bias * head.temperature / len(heads)
        rows, logits = self._out_of_fold(parts, heads[0].strength)
        temperature, scores = self._calibrated(rows, logits)
        return SolvedHead(
            weight / temperature, bias / temperature, heads[0].strength, temperature, scores, heads[0].how
        )

    def _solve(self, x: np.ndarray, held_out: np.ndarray | None) -> SolvedHead:
        strength = self._choose(x) if self.strength is None else self.strength
        if held_out is not None and len(held_out):
            rows = np.setdiff1d(np.arange(len(x)), held_out)
            weight, bias = self._fit(x[rows], self.codes[rows], strength)
            scored, logits, how = held_out, x[held_out] @ weight.T + bias, f"{len(held_out):,} held-out cells"
        else:
            weight, bias = self._fit(x, self.codes, strength)
            scored, logits = self._out_of_fold([x], strength)
            how = "a held-out tenth" if len(x) >= _MANY else f"{_FOLDS}-fold cross-validation"
        temperature, scores = self._calibrated(scored, logits)
        return SolvedHead(weight / temperature, bias / temperature, strength, temperature, scores, how)

    def _choose(self, x: np.ndarray) -> float:
        """The strength with the lowest loss on cells left out, if there are enough; else a fixed one."""
        if len(x) < ENOUGH:
            return FIXED_STRENGTH
        some = np.sort(np.random.default_rng(self.seed).permutation(len(x))[:_CHOICE])
        part = HeadSolver(self.codes[some], self.n_types, None, self.weights, self.seed)
        losses = []
        for strength in STRENGTHS:
            rows, logits = part._out_of_fold([x[some]], strength)
            losses.append(part._calibrated(rows, logits)[1].get("loss", np.inf))
        return STRENGTHS[int(np.argmin(losses))]

    def _out_of_fold(self, parts: Sequence[np.ndarray], strength: float) -> tuple[np.ndarray, np.ndarray]:
        """Cells, and their mean logits by heads that were solved without them."""
        fold = self._folds()
        used = range(1) if len(fold) >= _MANY else range(_FOLDS)
        rows, logits = [], []
        for k in used:
            inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            outside = outside[
                np.isin(self.codes[outside], self.codes[inside])
            ]  # a type's only cell cannot be predicted
            if not len(outside) or len(np.unique(self.codes[inside])) < 2:
                continue
            found = np.zeros((len(outside), self.n_types))
            for x in parts:
                weight, bias = self._fit(x[inside], self.codes[inside], strength)
                found += (x[outside] @ weight.T + bias) / len(parts)
            rows.append(outside)
            logits.append(found)
        if not rows:
            return np.zeros(0, int), np.zeros((0, self.n_types))
        return np.concatenate(rows), np.concatenate(logits)

    def _folds(self) -> np.ndarray:
        """Fold of each cell, the same share of every type in each, (cells,)."""
        rng = np.random.default_rng(self.seed)
        order = rng.permutation(len(self.codes))
        order = order[np.argsort(self.codes[order], kind="stable")]
        fold = np.empty(len(self.codes), int)
        n = round(1 / _HELD_OUT) if len(fold) >= _MANY else _FOLDS
        fold[order] = np.arange(len(order)) % n
        return fold

    def _fit(self, x: np.ndarray, codes: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
        """Weight and bias on features as they are, for all types."""
        mean = x.mean(0, dtype=np.float64)
        scale = float(np.sqrt(x.var(0, dtype=np.float64).mean())) or 1.0
        present, index = np.unique(codes, return_inverse=True)
        by_type: Any = None if self.weights is None else {i: float(self.weights[t]) for i, t in enumerate(present)}
        model = LogisticRegression(C=strength, max_iter=1000, class_weight=by_type)
        model.fit(((x - mean) / scale).astype(np.float32), index)
        coefficients, intercept = model.coef_, model.intercept_
        if len(present) == 2:  # scikit-learn then has one row, for the second type
            coefficients, intercept = np.vstack([-coefficients, coefficients]) / 2, np.array([-1, 1]) * intercept / 2
        weight, bias = np.zeros((self.n_types, x.shape[1])), np.full(self.n_types, -1e4)
        weight[present] = coefficients / scale
        bias[present] = intercept - weight[present] @ mean
        return weight, bias

    def _calibrated(self, rows: np.ndarray, logits: np.ndarray) -> tuple[float, dict[str, float]]:
        """Temperature of lowest loss on cells left out (Guo et al. 2017, arXiv:1706.04599), and scores on them."""
        if len(rows) < 2:
            return 1.0, {}
        y = self.codes[rows]
        loss = lambda log_t: -log_softmax(logits / np.exp(log_t), axis=1)[np.arange(len(y)), y].mean()
        best = float(minimize_scalar(loss, bounds=(-2.5, 2.5), method="bounded").x)
        predicted = logits.argmax(1)
        scores = {
            "accuracy": float((predicted == y).mean()),
            "macro_f1": float(f1_score(y, predicted, average="macro", zero_division=0)),
            "loss": float(loss(best)),
        }
        return float(np.exp(best)), scores
