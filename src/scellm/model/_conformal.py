"""How well a cell fits each type, as conformal p-values: which types are possible, and whether any is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from scipy.special import log_softmax
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

_COMPONENTS, _NEIGHBORS, _MOST = 50, 5, 1000
_LOG_P = 0.3  # weight of the log probability beside the log distance
_FAR = 1e6  # distance to a type of which no cell is known


@dataclass(frozen=True)
class Calibration:
    """How badly labelled cells fitted their own type when they were left out.

    Parameters
    ----------
    codes
        Type of each cell, int64, (cells,).
    scores
        Misfit of each to this type, float64, (cells,).
    """

    codes: np.ndarray
    scores: np.ndarray

    def p_values(self, scores: np.ndarray, coverage: float) -> np.ndarray:
        """Conformal p-values (Vovk, Gammerman and Shafer 2005), without the random tie-break.

        A p-value is the share of cells of the type, the new cell counted among them, that fit it at most as well.
        A type with fewer cells than `needed(coverage)` shares those of all such types, or of all types if these are
        too few as well.

        Parameters
        ----------
        scores
            Misfit of cells to types, float64, (cells, types).
        coverage
            Share of cells of which the type shall be in the set `p > 1 - coverage`.

        Returns
        -------
        numpy.ndarray
            float64, (cells, types).
        """
        pooled = self.pooled(scores.shape[1], coverage)
        shared = np.sort(self.scores[pooled[self.codes]])
        if len(shared) < needed(coverage):
            shared = np.sort(self.scores)
        p = np.empty_like(scores)
        for t in range(scores.shape[1]):
            of = shared if pooled[t] else np.sort(self.scores[self.codes == t])
            p[:, t] = (len(of) - np.searchsorted(of, scores[:, t], side="left") + 1) / (len(of) + 1)
        return p

    def pooled(self, n_types: int, coverage: float) -> np.ndarray:
        """Which types have too few cells for p-values of their own, bool, (types,)."""
        return np.bincount(self.codes, minlength=n_types) < needed(coverage)


def needed(coverage: float) -> int:
    """Cells from which on a p-value can be as small as `1 - coverage`: 19 for 0.95."""
    return math.ceil(round(coverage / (1 - coverage), 6))


def possible(p_values: np.ndarray, coverage: float) -> np.ndarray:
    """The set of types of each cell, bool, (cells, types); `1e-9` is more than p-values and `coverage` are rounded."""
    return p_values > 1 - coverage + 1e-9


@dataclass(frozen=True)
class TypeFit:
    """The misfit of a cell to a type: how unlikely the head finds it, and how far the nearest cells of the type are.

    The misfit is `log(d / m) - 0.3 log p`: `p` is the probability of the type, `d` the mean distance to the five
    nearest labelled cells of it in 50 principal components of the embedding, and `m` the median of `d` over its own
    cells. A head alone is sure of cells far from everything it has seen; distance alone confuses types that are alike.
    The sum and its weight were chosen on sources of the corpus.

    Parameters
    ----------
    center, basis
        Of the principal components, float32, (d,) and (d, components).
    reference
        Labelled cells in these components, at most 1,000 of each type, float32, (cells, components).
    codes
        Type of each, int64, (cells,).
    typical
        Median of `d` over the cells of each type, float64, (types,).
    """

    center: np.ndarray
    basis: np.ndarray
    reference: np.ndarray
    codes: np.ndarray
    typical: np.ndarray

    @classmethod
    def of(cls, embedding: np.ndarray, codes: np.ndarray, n_types: int, seed: int) -> Self:
        """Measure on labelled cells: embeddings float32, (cells, d), and types int64, (cells,)."""
        pca = PCA(min(_COMPONENTS, *embedding.shape), random_state=seed).fit(embedding)
        kept = _some_of_each(codes, seed)
        center, basis = pca.mean_.astype(np.float32), np.ascontiguousarray(pca.components_.T, dtype=np.float32)
        known = cls(center, basis, (embedding[kept] - center) @ basis, codes[kept], np.ones(n_types))
        own = known.distances(embedding, codes)[np.arange(len(codes)), codes]
        medians = [float(np.median(own[codes == t])) if (codes == t).sum() > 1 else np.nan for t in range(n_types)]
        typical = np.where(np.isnan(medians), np.nanmedian([*medians, 1.0]), medians)
        return cls(center, basis, known.reference, known.codes, np.maximum(typical, 1e-6))

    def scores(self, embedding: np.ndarray, logits: np.ndarray, own: np.ndarray | None = None) -> np.ndarray:
        """Misfit of cells to types.

        Parameters
        ----------
        embedding
            float32, (cells, d).
        logits
            Calibrated logits, float64, (cells, types).
        own
            Type of each cell that is itself among the reference, and is then not its own neighbour, int64, (cells,).

        Returns
        -------
        numpy.ndarray
            float64, (cells, types).
        """
        return np.log(self.distances(embedding, own) / self.typical) - _LOG_P * log_softmax(logits, axis=1)

    def distances(self, embedding: np.ndarray, own: np.ndarray | None = None) -> np.ndarray:
        """Mean distance to the nearest reference cells of each type, float64, (cells, types); see :meth:`scores`."""
        x = (embedding - self.center) @ self.basis  # (cells, components)
        found = np.full((len(x), len(self.typical)), _FAR)
        for t in range(len(self.typical)):
            near = self.reference[self.codes == t]
            inside = np.zeros(len(x), bool) if own is None else own == t
            for rows, skip in ((np.flatnonzero(~inside), 0), (np.flatnonzero(inside), 1)):
                if len(rows) and len(near) > skip:
                    found[rows, t] = _mean_distance(x[rows], near, skip)
        return np.maximum(found, 1e-6)


def _mean_distance(x: np.ndarray, near: np.ndarray, skip: int) -> np.ndarray:
    """Mean distance to the nearest cells; `skip=1` leaves out the nearest, which is the cell itself."""
    k = min(_NEIGHBORS + skip, len(near))
    distance, _ = NearestNeighbors(n_neighbors=k).fit(near).kneighbors(x)
    if not skip:
        return distance.mean(1)
    itself = distance[:, 0] < 1e-5 * np.maximum(distance[:, -1], 1e-6)  # cells beyond the most kept are not among them
    return np.where(itself, distance[:, 1:].mean(1), distance[:, :-1].mean(1))


def _some_of_each(codes: np.ndarray, seed: int) -> np.ndarray:
    """Indices of at most `_MOST` cells of each type, ascending."""
    order = np.random.default_rng(seed).permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    rank = np.arange(len(codes)) - np.searchsorted(codes[order], codes[order])  # place within the type
    return np.sort(order[rank < _MOST])


@dataclass(frozen=True)
class Conformal:
    """What p-values of types need: the misfit, and its calibration for other cells and for a model's own.

    Parameters
    ----------
    fit
        The misfit.
    others
        Calibration of the head on the embedding.
    own
        Calibration of the head for the model's own cells; `None` if there is none.
    """

    fit: TypeFit
    others: Calibration
    own: Calibration | None = None

    @classmethod
    def of(
        cls,
        embedding: np.ndarray,
        codes: np.ndarray,
        n_types: int,
        held_out: Sequence[tuple[np.ndarray, np.ndarray]],
        seed: int,
    ) -> Self:
        """Calibrate on labelled cells.

        Parameters
        ----------
        embedding, codes
            Of the labelled cells, float32, (cells, d), and int64, (cells,).
        n_types
            Number of types.
        held_out
            For the head on the embedding, then for that of the model's own cells if there is one: cells that it did
            not learn from, int64, (n,), and their logits, (n, types).
        seed
            Seed of the cells that are kept.
        """
        fit = TypeFit.of(embedding, codes, n_types, seed)
        found = []
        for rows, logits in held_out:
            scores = fit.scores(embedding[rows], logits, codes[rows])
            found.append(Calibration(codes[rows], scores[np.arange(len(rows)), codes[rows]]))
        return cls(fit, *found)

    def p_values(self, embedding: np.ndarray, logits: np.ndarray, known: np.ndarray, coverage: float) -> np.ndarray:
        """P-values of cells, float64, (cells, types); `known` are the model's own, bool, (cells,)."""
        scores = self.fit.scores(embedding, logits)
        p = self.others.p_values(scores, coverage)
        if self.own is not None and known.any():
            p[known] = self.own.p_values(scores[known], coverage)
        return p

    def pooled(self, n_types: int, coverage: float) -> np.ndarray:
        """Which types share their p-values with others, because they have few calibration cells; bool, (types,)."""
        parts = [c.pooled(n_types, coverage) for c in (self.others, self.own) if c is not None]
        return np.any(parts, axis=0)

    def check(self, coverage: float) -> None:
        """Raise ValueError if there are too few calibration cells for any p-value to be below `1 - coverage`."""
        n = min(len(c.codes) for c in (self.others, self.own) if c is not None)
        if n < needed(coverage):
            msg = (
                f"coverage={coverage:g} needs at least {needed(coverage):,} labelled cells that were held out; there "
                f"are {n:,}. Label more cells, or pass a smaller coverage."
            )
            raise ValueError(msg)

    def to_state(self) -> dict[str, Tensor]:
        """Tensors for a file."""
        parts: dict[str, TypeFit | Calibration | None] = {"fit": self.fit, "others": self.others, "own": self.own}
        return {
            f"conformal.{name}.{f.name}": torch.from_numpy(np.ascontiguousarray(getattr(part, f.name)))
            for name, part in parts.items()
            if part is not None
            for f in fields(part)
        }

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self | None:
        """Take the tensors out of `state`; `None` if they are not there."""

        def take(part: type, name: str) -> dict[str, np.ndarray]:
            keys = {f.name: f"conformal.{name}.{f.name}" for f in fields(part)}
            there = all(k in state for k in keys.values())
            return {k: state.pop(v).numpy() for k, v in keys.items()} if there else {}

        fit, others, own = take(TypeFit, "fit"), take(Calibration, "others"), take(Calibration, "own")
        if not fit or not others:
            return None
        return cls(TypeFit(**fit), Calibration(**others), Calibration(**own) if own else None)
