"""What is known of the cells that a classifier of sensitivity learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scellm._labels import NO_LABEL, Labels
from scellm.baselines import GlobalScaler
from scellm.data._prepared import PreparedCounts
from scellm.model import CellLM
from scellm.pp import Confounding, check_confounding
from scellm.pp._check_confounding import CROSSED, NESTED, NOT_IDENTIFIABLE

_MOST_FOLDS, _MOST_CELLS, _MOST_KEYS = 5, 20_000, 3


@dataclass(frozen=True)
class TrainingCheck:
    """Findings about training data.

    Parameters
    ----------
    sentence
        Whether the label is confounded, in words.
    warning
        What a user must know; empty if nothing.
    scores
        By way of splitting and features: AUROC, average precision and F1 of the positive label.
    """

    sentence: str
    warning: str = ""
    scores: dict[str, dict[str, float]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The scores, for the log."""
        shown = lambda s: ", ".join(f"{k} {v:.3f}" for k, v in s.items())
        return [f"{name}: {shown(found)}" for name, found in self.scores.items()]


def checked_training(model: CellLM, positive: str, keys: Sequence[str] | str | None) -> TrainingCheck:
    """Check the model's own cells; a model that was loaded without them cannot be checked.

    Parameters
    ----------
    model
        Trained on two labels.
    positive
        The positive label.
    keys
        Columns with batches; by default those whose names say so.
    """
    adata, label_key = model.adata, model.labels_key
    if adata is None or label_key is None or label_key not in adata.obs:
        return TrainingCheck("the training data are not here, and were not checked")
    found = check_confounding(adata, label_key, keys=keys)
    if found.verdict == NOT_IDENTIFIABLE:
        return TrainingCheck(str(found), found.sentence)
    if model.configs_.get("train", {}).get("tune", "head") != "head":
        why = "; no score was computed, as the encoder was tuned on these labels"
        return TrainingCheck(str(found) + why, found.sentence)
    labels = Labels.of(adata.obs, label_key, quiet=True).names
    rows = np.flatnonzero(labels != NO_LABEL)
    rows = np.sort(np.random.default_rng(0).permutation(rows)[:_MOST_CELLS])
    y = (labels[rows] == positive).astype(int)
    x = model.get_latent_representation(indices=rows)
    depth = _depth(adata, rows)
    scores = _scores("random split", x, depth, y, None)
    for key in _left_out(adata, found):
        levels = adata.obs[key].astype(str).to_numpy()[rows]
        scores |= _scores(f"whole levels of {key} left out", x, depth, y, levels)
    return TrainingCheck(str(found), found.sentence, scores)


def _left_out(adata: AnnData, found: Confounding) -> list[str]:
    """Columns whose whole levels can be left out, one of each partition of the cells.

    A nested level inside of a crossed one is not: to leave out one library of a patient whose other library is learned
    from would turn the score around, as the classifier learns that patient's other label.
    """
    crossed, nested = found.keys(CROSSED), found.keys(NESTED)
    inside = lambda key, outer: bool((adata.obs.groupby(key, observed=True)[outer].nunique() <= 1).all())
    kept = [*crossed, *[k for k in nested if not any(inside(k, outer) for outer in crossed)]]
    partitions = {pd.factorize(adata.obs[k].astype(str))[0].tobytes(): k for k in reversed(kept)}
    return [k for k in kept if k in partitions.values()][:_MOST_KEYS]


def _depth(adata: AnnData, rows: np.ndarray) -> np.ndarray:
    """Library size and number of genes of each cell, as logarithms, (cells, 2)."""
    counts = PreparedCounts.of(adata).rows(rows)
    return np.log1p(np.stack([counts.total, np.diff(counts.offsets)], axis=1).astype(float))


def _scores(
    name: str, x: np.ndarray, depth: np.ndarray, y: np.ndarray, levels: np.ndarray | None
) -> dict[str, dict[str, float]]:
    """Scores of cells that a classifier did not see, on the embedding and on the library size alone."""
    pipelines: dict[str, tuple[np.ndarray, Any]] = {
        "": (x, make_pipeline(GlobalScaler(), LogisticRegression(max_iter=1000, class_weight="balanced"))),
        ", library size alone": (
            depth,
            make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced")),
        ),
    }
    found = {}
    for what, (features, pipeline) in pipelines.items():
        by_fold = []
        for inside, outside in _folds(y, levels):
            if len(np.unique(y[inside])) == len(np.unique(y[outside])) == 2:
                score = pipeline.fit(features[inside], y[inside]).predict_proba(features[outside])[:, 1]
                by_fold.append(_of_fold(y[outside], score))
        if by_fold:  # the mean over folds: scores of different classifiers are not comparable
            found[f"{name}{what}"] = {k: float(np.mean([f[k] for f in by_fold])) for k in by_fold[0]}
    return found


def _of_fold(y: np.ndarray, score: np.ndarray) -> dict[str, float]:
    return {
        "auroc": float(roc_auc_score(y, score)),
        "average_precision": float(average_precision_score(y, score)),
        "f1": float(f1_score(y, score > 0.5)),
    }


def _folds(y: np.ndarray, levels: np.ndarray | None) -> list[tuple[np.ndarray, np.ndarray]]:
    smallest = int(np.bincount(y, minlength=2).min())
    if levels is None:
        n = min(_MOST_FOLDS, smallest)
        return list(StratifiedKFold(n, shuffle=True, random_state=0).split(y, y)) if n > 1 else []
    n = min(_MOST_FOLDS, len(np.unique(levels)), smallest)
    return list(StratifiedGroupKFold(n, shuffle=True, random_state=0).split(y, y, levels)) if n > 1 else []
