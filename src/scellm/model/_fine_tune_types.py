"""Train parts of a model by steps, from the solved head on."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from scellm._logging import logger
from scellm.data._label_split import LabelSplit
from scellm.model._conformal import Conformal
from scellm.model._solve_types import make_solver, write_head
from scellm.nn import AnnotationHead
from scellm.train import FineTuningConfig, FineTuningPlan, class_weights

if TYPE_CHECKING:
    from scellm.model._token_model import TokenModel


def start_head(model: TokenModel, types: list[str], split: LabelSplit, config: FineTuningConfig, seed: int) -> None:
    """Give a model the head that training by steps starts from: the paper's, or one solved on the training cells."""
    if config.head == "mlp":
        torch.manual_seed(seed)
        model.module.annotation_head = AnnotationHead(model.module.config.cell_dim, len(types)).to(model.device)
        return
    z = model._embed(None, split.train, None).numpy()
    write_head(model, make_solver(z, types, split.codes[split.train], config, seed).solve([slice(None)]))


def fine_tune_types(
    model: TokenModel, types: list[str], split: LabelSplit, config: FineTuningConfig, fit: Any, seed: int
) -> bool:
    """Train by steps, and go back to the start unless the validation cells say that it is better.

    Parameters
    ----------
    model
        With its own cells.
    types
        Names of the types.
    split
        Training and validation cells.
    config
        The options.
    fit
        Function that runs a plan.
    seed
        Seed of the head and of the order of cells.

    Returns
    -------
    bool
        Whether the trained weights were kept; else the weights are those of before.
    """
    before = copy.deepcopy(model.module.state_dict())
    head_before = model.module.annotation_head
    start_head(model, types, split, config, seed)
    started = {k: v.clone() for k, v in model.module.state_dict().items()}
    loss = _loss(model, split) if config.head == "solved" else float("inf")
    weights = class_weights(config.class_weights, split.codes[split.train], types)
    plan = FineTuningPlan(model.module, config, weights, seed)
    torch.manual_seed(seed)  # of the order of cells; Lightning does the same where it starts several processes
    try:
        fit(plan)
    except BaseException:
        if plan.finished_epochs:
            plan.best.restore(model.module)
            model._record("train", config.to_dict())
            logger.warning(f"train: stopped in epoch {plan.finished_epochs + 1}; what was learned until then is kept")
        else:
            model.module.annotation_head = head_before
            model.module.load_state_dict(before)
        raise
    _say_if_unfinished(model, config)
    if config.head == "mlp" or not len(split.validation):
        return True
    new = _loss(model, split)
    if new < loss:
        logger.info(
            f"train: tune={config.tune!r} is kept: validation loss {loss:.4f} of the solved head, {new:.4f} now"
        )
        return True
    logger.info(
        f"train: tune={config.tune!r} is not better than the solved head (validation loss {loss:.4f}, {new:.4f} after "
        "training): the solved head is kept"
    )
    model.module.load_state_dict(started)
    return False


def calibrated(model: TokenModel, split: LabelSplit, n_types: int, seed: int) -> Conformal | None:
    """The calibration of a head that was trained by steps, on its validation cells; `None` if there are none.

    Parameters
    ----------
    model
        With its own cells.
    split
        Training and validation cells.
    n_types
        Number of types.
    seed
        Seed of the cells that are kept.
    """
    if not len(split.validation):
        return None
    rows = np.concatenate([split.train, split.validation])
    held_out = np.arange(len(split.train), len(rows))
    z = model._embed(None, rows, None)
    with torch.inference_mode():
        logits = model.module.type_logits(z[held_out].to(model.device)).double().cpu().numpy()
    return Conformal.of(z.numpy(), split.codes[rows], n_types, [(held_out, logits)], seed)


def _loss(model: TokenModel, split: LabelSplit) -> float:
    """Cross-entropy on the validation cells."""
    if not len(split.validation):
        return float("inf")
    z = model._embed(None, split.validation, None).to(model.device)
    labels = torch.from_numpy(np.asarray(split.codes[split.validation], np.int64)).to(model.device)
    with torch.inference_mode():
        return float(cross_entropy(model.module.type_logits(z).float(), labels))


def _say_if_unfinished(model: TokenModel, config: FineTuningConfig) -> None:
    table = (model.history_ or {}).get("validation_loss")
    if table is None or len(table) < max(config.max_epochs, 2):
        return
    values = table["validation_loss"].to_numpy(float)
    if values.argmin() == len(values) - 1:
        logger.warning(
            "train: the validation loss still fell in the last of %s epochs (%.4f to %.4f): pass a larger max_epochs",
            len(values),
            values[-2],
            values[-1],
        )
