"""How well a cell fits each type, as conformal p-values: which types are possible, and whether any is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
import torch
from scipy.special import log_softmax
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

_COMPONENTS, _NEIGHBORS, _MOST, _FOLDS = 50, 5, 1000, 5
_ENOUGH = 19  # held-out cells of a type from which on its own distances are a measure
_LOG_P = 0.3  # weight of the log probability beside the log distance
_FAR, _NEAR = 1e6, 1e-6  # distance to a type of which no cell is known, and least distance


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

        A p-value is the share of cells of the type, the new cell counted among them, that fit it at most as well. For a
        type with fewer cells than `needed(coverage)`, it is the share of the cells of all types that fit theirs at most
        as well. (Pooling such types alone would find every new cell possible: a cell of a type with two others fits it
        badly when it is left out.)

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
class NearestCells:
    """Distances of cells to the nearest labelled cells of each type.

    They are Euclidean, in principal components of the embeddings of the labelled cells: as many as a tenth of the
    cells, at most 50. In more components, the cells that they were fitted on lie further from each other than from
    new cells.

    Parameters
    ----------
    center, basis
        Of the principal components, float32, (d,) and (d, components).
    cells
        Labelled cells in these components, at most 1,000 of each type, float32, (cells, components).
    codes
        Type of each, int64, (cells,).
    """

    center: np.ndarray
    basis: np.ndarray
    cells: np.ndarray
    codes: np.ndarray

    @classmethod
    def of(cls, embedding: np.ndarray, codes: np.ndarray, seed: int) -> Self:
        """From labelled cells: embeddings float32, (cells, d), and types int64, (cells,)."""
        n, d = embedding.shape
        pca = PCA(max(min(_COMPONENTS, n // 10, d), 1), svd_solver="randomized", random_state=seed).fit(embedding)
        kept = _some_of_each(codes, seed)
        basis = np.ascontiguousarray(pca.components_.T, dtype=np.float32)
        return cls(pca.mean_.astype(np.float32), basis, (embedding[kept] - pca.mean_) @ basis, codes[kept])

    def distances(self, embedding: np.ndarray, n_types: int) -> np.ndarray:
        """Mean distance to the five nearest cells of each type, float64, (cells, types)."""
        x = (embedding - self.center) @ self.basis  # (cells, components)
        found = np.full((len(x), n_types), _FAR)
        for t in np.unique(self.codes):
            near = self.cells[self.codes == t]
            search = NearestNeighbors(n_neighbors=min(_NEIGHBORS, len(near))).fit(near)
            found[:, t] = search.kneighbors(x)[0].mean(1)
        return np.maximum(found, _NEAR)


def _some_of_each(codes: np.ndarray, seed: int) -> np.ndarray:
    """Indices of at most `_MOST` cells of each type, ascending."""
    order = np.random.default_rng(seed).permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    rank = np.arange(len(codes)) - np.searchsorted(codes[order], codes[order])  # place within the type
    return np.sort(order[rank < _MOST])


@dataclass(frozen=True)
class Conformal:
    """What p-values of types need: the misfit of cells, and its calibration for other cells and for a model's own.

    The misfit of a cell to a type is `log(d / m) - 0.3 log p`: `p` is the probability of the type, `d` the mean
    distance to the five nearest labelled cells of it, and `m` the median of `d` over its own cells. A head alone is
    sure of cells far from everything it has seen; distance alone confuses types that are alike. The sum and its weight
    were chosen on sources of the corpus, before distances took their present form; `benchmarks/unknown_types.py
    --choose` compares weights.

    Parameters
    ----------
    near
        Distances to the labelled cells.
    typical
        Median of `d` over the cells of each type, or of all cells for a type with fewer than 19 that were held out:
        these lie far from the few others, and every new cell would seem near. float64, (types,).
    others
        Calibration of the head on the embedding.
    own
        Calibration of the head for the model's own cells; `None` if there is none.
    """

    near: NearestCells
    typical: np.ndarray
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
        """Calibrate on labelled cells. Distances of a cell, too, are measured without it.

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
            Seed of the folds and of the cells that are kept.
        """
        distance = np.full((len(codes), n_types), np.nan)
        for rows in _folds(np.unique(np.concatenate([rows for rows, _ in held_out])), len(codes), seed):
            rest = np.setdiff1d(np.arange(len(codes)), rows)
            distance[rows] = NearestCells.of(embedding[rest], codes[rest], seed).distances(embedding[rows], n_types)
        own = distance[np.arange(len(codes)), codes]  # to the cell's own type; NaN for cells that were not held out
        usual = np.nanmedian(own) if (own < _FAR).any() else 1.0
        each = pd.Series(own).groupby(codes).agg(["median", "count"]).reindex(range(n_types))
        medians = each["median"].where(each["count"] >= _ENOUGH, usual)
        typical = np.clip(medians.to_numpy(float), _NEAR, None)
        found = []
        for rows, logits in held_out:
            scores = _misfit(distance[rows], typical, logits)
            found.append(Calibration(codes[rows], scores[np.arange(len(rows)), codes[rows]]))
        return cls(NearestCells.of(embedding, codes, seed), typical, *found)

    def p_values(self, embedding: np.ndarray, logits: np.ndarray, known: np.ndarray, coverage: float) -> np.ndarray:
        """P-values of cells, float64, (cells, types); `known` are the model's own, bool, (cells,)."""
        scores = _misfit(self.near.distances(embedding, len(self.typical)), self.typical, logits)
        p = self.others.p_values(scores, coverage)
        if self.own is not None and known.any():
            p[known] = self.own.p_values(scores[known], coverage)
        return p

    def pooled(self, n_types: int, coverage: float) -> np.ndarray:
        """Which types have too few calibration cells for p-values of their own; bool, (types,)."""
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
        arrays = {"typical": self.typical}
        for name, part in (("near", self.near), ("others", self.others), ("own", self.own)):
            arrays |= {} if part is None else {f"{name}.{k}": v for k, v in vars(part).items()}
        return {f"conformal.{k}": torch.from_numpy(np.ascontiguousarray(v)) for k, v in arrays.items()}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> Self | None:
        """Take the tensors out of `state`; `None` if they are not there."""
        names = [k for k in state if k.startswith("conformal.")]
        arrays = {k.removeprefix("conformal."): state.pop(k).numpy() for k in names}
        part = lambda name: {k.removeprefix(f"{name}."): v for k, v in arrays.items() if k.startswith(f"{name}.")}
        if not arrays:
            return None
        own = Calibration(**part("own")) if part("own") else None
        return cls(NearestCells(**part("near")), arrays["typical"], Calibration(**part("others")), own)


def _misfit(distance: np.ndarray, typical: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Misfit of cells to types, float64, (cells, types); see :class:`Conformal`."""
    return np.log(distance / typical) - _LOG_P * log_softmax(logits, axis=1)


def _folds(rows: np.ndarray, n: int, seed: int) -> list[np.ndarray]:
    """Parts of `rows`, each at most a fifth of all `n` cells, or as near to it as can be."""
    rows = np.random.default_rng(seed).permutation(rows)
    return np.array_split(rows, min(math.ceil(_FOLDS * len(rows) / n), len(rows))) if len(rows) else []
