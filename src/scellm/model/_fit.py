"""Run a plan with scvi-tools' runner, and mend what it leaves undone."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
from scvi.train import TrainRunner

if TYPE_CHECKING:
    from scellm.model._cell_lm import CellLM


_EXPECTED = {
    "You have overridden `transfer_batch_to_device`": "meant: chunks are cut on the CPU and moved one by one",
    "`isinstance\\(treespec, LeafSpec\\)` is deprecated": "Lightning's own call of torch",
    "The number of training batches": "few batches are no mistake in a small data set; epochs are logged whole",
    "The '.*_dataloader' does not have many workers": "reading tokens costs little beside the encoder; scvi.settings.dl_num_workers sets them",
    "Checkpoint directory .* exists": "of scvi-tools' callback, when a run is repeated",
}
"""Warnings left out, each with the reason."""


def fit(
    model: CellLM,
    plan: pl.LightningModule,
    data: Any,
    max_epochs: int,
    accelerator: str,
    devices: int | list[int] | str,
    **trainer_kwargs: Any,
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
        with warnings.catch_warnings():
            for message in _EXPECTED:
                warnings.filterwarnings("ignore", message=message)
            runner = TrainRunner(
                model, plan, data, max_epochs, accelerator=accelerator, devices=devices, **trainer_kwargs
            )
            _refuse_many_devices(runner, plan)
            runner()
    except BaseException:
        model.history_, model.is_trained_ = before or None, was_trained
        model.module.requires_grad_(requires_grad=True)
        model.module.eval()
        raise
    model.history_ = before | (model.history_ or {})
    return runner


def _refuse_many_devices(runner: TrainRunner, plan: pl.LightningModule) -> None:
    """A loss over a whole batch would need the batch of all devices; that is not built, and half of it would be wrong in silence."""
    if runner.trainer.world_size > 1 and not plan.automatic_optimization:
        msg = f"Pretraining runs on one device; found {runner.trainer.world_size}. Pass devices=1."
        raise ValueError(msg)
