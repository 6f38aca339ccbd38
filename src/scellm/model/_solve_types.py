"""Solve the annotation heads of a model on its labelled cells."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from scellm._logging import logger
from scellm.data._label_split import LabelSplit
from scellm.model._conformal import Conformal
from scellm.model._own_features import expression_components, joined_features
from scellm.model._own_head import OwnHead
from scellm.model._separation import MIXED, separation
from scellm.nn import LinearHead
from scellm.train import FineTuningConfig, class_weights
from scellm.train._solve_head import HeadSolver, SolvedHead

if TYPE_CHECKING:
    from scellm.model._token_model import TokenModel

MIXTURES = ((0, 1), (0,), (1,), (0, 1, 2), (1, 2), (2,))
"""Heads that may be averaged for a model's own cells: on the embedding, on all features, on the components. The mixture
is chosen by the loss on labelled cells that were left out; this rule was chosen on sources of the corpus."""

_SAMPLE = 2000  # cells of each group that are compared


def solve_types(
    model: TokenModel, types: list[str], split: LabelSplit, config: FineTuningConfig, seed: int, *, given: bool
) -> tuple[SolvedHead, OwnHead | None, Conformal]:
    """Solve a head on the embedding, and one for the model's own cells on the embedding and their components.

    Parameters
    ----------
    model
        With its own cells. Its annotation head is overwritten.
    types
        Names of the types.
    split
        Which cells are labelled.
    config
        The options.
    seed
        Seed of the folds.
    given
        Whether the user set the validation cells; these are then never learned from.

    Returns
    -------
    tuple
        The head that was written; the head for the model's own cells, `None` if the counts are gone or the other
        cells seem to be of another study; and the calibration of both for p-values.

    Warns
    -----
    UserWarning
        If they seem to be of another study.
    """
    rows = np.concatenate([split.train, split.validation])
    held_out = np.arange(len(split.train), len(rows)) if given else None
    z = model._embed(None, rows, None).numpy()  # (labelled, d)
    components = _components(model)
    joined = joined_features(z, np.zeros((len(z), 1), np.float32) if components is None else components[rows])
    d = z.shape[1]
    solver = make_solver(joined, types, split.codes[rows], config, seed, held_out)
    plain = solver.solve([slice(0, d)])
    head = _on_raw(plain, z)
    own = None
    calibrating = [(plain.held_out, plain.held_out_logits)]
    if components is not None:
        mixed = solver.solve([slice(0, d), slice(None), slice(d, None)], MIXTURES)
        made = OwnHead.of(model.adata, components, (z, components[rows]), mixed)
        if _of_one_study(model, made, rows, split.codes[rows], seed):
            own, head = made, replace(head, scores=mixed.scores)
            calibrating.append((mixed.held_out, mixed.held_out_logits))
    write_head(model, head)
    return head, own, Conformal.of(z, split.codes[rows], len(types), calibrating, seed)


def _of_one_study(model: TokenModel, own: OwnHead, rows: np.ndarray, codes: np.ndarray, seed: int) -> bool:
    """Whether the other cells mix with those learned from; if not, components would follow the study."""
    rng = np.random.default_rng(seed)
    others = np.setdiff1d(np.arange(model.adata.n_obs), rows)
    others = np.sort(rng.permutation(others)[:_SAMPLE])
    some = np.sort(rng.permutation(len(rows))[:_SAMPLE])
    if not len(others):
        return True
    types = own.logits(model._embed(None, others, None).numpy(), others).argmax(1)
    found = separation(own.components, rows[some], codes[some], others, types, seed)
    if found <= MIXED:
        return True
    msg = (
        "The cells that were not learned from do not mix with the labelled ones of the same type (separation "
        f"{found:.2f}, where 0 is mixed and 1 is apart): they are of another study, donor or assay, or of types that "
        "no labelled cell has. Types are therefore predicted from the embedding alone, and not from principal "
        "components as well, which would follow the study. Look at marker genes before you use these types, label "
        "some of these cells, or see annotate(unknown=...)."
    )
    warnings.warn(msg, UserWarning, stacklevel=4)
    return False


def make_solver(
    x: np.ndarray,
    types: list[str],
    codes: np.ndarray,
    config: FineTuningConfig,
    seed: int,
    held_out: np.ndarray | None = None,
) -> HeadSolver:
    """A solver with the options of a configuration."""
    weights = class_weights(config.class_weights, codes, types)
    by_type = None if weights is None else weights.numpy()
    return HeadSolver(x, codes, len(types), strength=config.strength, weights=by_type, seed=seed, held_out=held_out)


def _on_raw(head: SolvedHead, z: np.ndarray) -> SolvedHead:
    """The part of a head on joined features that reads the embedding, for embeddings as they are."""
    d = z.shape[1]
    mean, total = z.mean(0, dtype=np.float64), float(z.var(0, dtype=np.float64).sum())
    weight = head.weight[:, :d] * (np.sqrt(d / total) if total > 0 else 1.0)
    return replace(head, weight=weight, bias=head.bias - weight @ mean)


def write_head(model: TokenModel, head: SolvedHead) -> None:
    """Make a solved head the annotation head of a model."""
    layer = LinearHead(head.weight.shape[1], len(head.weight)).to(model.device)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(head.weight))
        layer.bias.copy_(torch.from_numpy(head.bias))
    model.module.annotation_head = layer


def _components(model: TokenModel) -> np.ndarray | None:
    try:
        return expression_components(model.adata)
    except ValueError as error:
        logger.info("train: types are predicted from the embedding alone (%s)", error)
        return None


def report(head: SolvedHead, own: OwnHead | None, n: int, n_types: int) -> None:
    """Log what was solved, and how well it predicts cells that were left out."""
    scores = ", ".join(f"{k.replace('_', '-')} {v:.3f}" for k, v in head.scores.items() if k != "loss")
    found = f"; {scores} by {head.how}" if scores else "; too few labels to hold any out"
    both = " and, for these cells, on their principal components too" if own is not None else ""
    logger.info(f"train: solved on the embeddings{both} of {n:,} cells of {n_types:,} types{found}")


def history_of(head: SolvedHead) -> dict[str, pd.DataFrame]:
    """The scores as a history of one row."""
    index = pd.RangeIndex(1, name="epoch")
    return {f"validation_{k}": pd.DataFrame({f"validation_{k}": [v]}, index=index) for k, v in head.scores.items()}
