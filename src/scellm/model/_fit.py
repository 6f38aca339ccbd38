"""Run a plan with scvi-tools' runner, and mend what it leaves undone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
from scvi.train import TrainRunner

if TYPE_CHECKING:
    from scellm.model._cell_lm import CellLM


def fit(
    model: CellLM, plan: pl.LightningModule, data: Any, max_epochs: int, accelerator: str, devices: int | list[int] | str, **trainer_kwargs: Any
) -> TrainRunner:
    """Fit a plan.

    scvi-tools' runner leaves a module in eval mode, so that a second run would train without dropout, and merges histories by the
    names of the first run only. Here the module is put in training mode, and the history of every stage is kept.

    Parameters
    ----------
    model
        The model that learns.
    plan
        What to do with a batch.
    data
        Data splitter or data module.
    max_epochs
        Passes over the loader.
    accelerator, devices, **trainer_kwargs
        For the trainer.

    Returns
    -------
    scvi.train.TrainRunner
        After the run.
    """
    was_trained, before = model.is_trained_, model.history_ or {}
    model.module.train()
    model.history_, model.is_trained_ = None, False
    try:
        runner = TrainRunner(model, plan, data, max_epochs, accelerator=accelerator, devices=devices, **trainer_kwargs)
        runner()
    except BaseException:
        model.history_, model.is_trained_ = before or None, was_trained
        model.module.requires_grad_(requires_grad=True)
        model.module.eval()
        raise
    model.history_ = before | (model.history_ or {})
    return runner
