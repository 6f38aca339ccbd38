"""Run a plan with scvi-tools' runner, and correct two of its side effects."""

from __future__ import annotations

import warnings
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.strategies import DDPStrategy
from scvi.model.base import BaseModelClass
from scvi.train import TrainRunner

_EXPECTED = {
    "You have overridden `transfer_batch_to_device`": "intended: chunks are cut on the CPU and moved one by one",
    "`isinstance\\(treespec, LeafSpec\\)` is deprecated": "Lightning's own call of torch",
    "The number of training batches": "few batches are normal for small data; epochs are logged whole",
    "The '.*_dataloader' does not have many workers": "reading tokens costs little; see scvi.settings.dl_num_workers",
    "early_stopping was automatically disabled": "scvi-tools says so of any run in several processes",
    "It is recommended to use `self.log": "all processes log the same value, as each has the loss of the whole batch",
    "Checkpoint directory .* exists": "from scvi-tools' callback, if a run is repeated",
}
"""Warnings that are suppressed, each with the reason."""


def fit(
    model: BaseModelClass,
    plan: pl.LightningModule,
    data: Any,
    max_epochs: int,
    accelerator: str,
    devices: int | list[int] | str,
    **trainer_options: Any,
) -> TrainRunner:
    """Fit a plan.

    scvi-tools' runner leaves the module in eval mode, so that a second run would train without dropout, and keeps only
    the history columns of the first run. Here the module is put in training mode, and the history of every stage is
    kept.

    Parameters
    ----------
    model
        The model that is trained.
    plan
        The training plan.
    data
        Data splitter or data module.
    max_epochs
        Passes over the loader.
    accelerator, devices, **trainer_options
        For the trainer.

    Returns
    -------
    scvi.train.TrainRunner
        After the run.

    Raises
    ------
    ValueError
        If there is more than one device, and the plan is for one; or a strategy that cuts up the model.
    """
    was_trained, before = model.is_trained_, model.history_ or {}
    model.module.train()
    model.history_, model.is_trained_ = None, False
    try:
        with warnings.catch_warnings():
            for message in _EXPECTED:
                warnings.filterwarnings("ignore", message=message)
            devices_ = {"accelerator": accelerator, "devices": devices}
            many = getattr(plan, "many_processes", False)
            if many:  # every process takes all cells of a step, and divides the work itself
                trainer_options = {**trainer_options, "use_distributed_sampler": False}
            runner = TrainRunner(model, plan, data, max_epochs, **devices_, **trainer_options)
            _check_devices(runner, many=many)
            runner()
    except BaseException as error:
        model.history_, model.is_trained_ = before or None, was_trained
        model.module.requires_grad_(requires_grad=True)
        model.module.eval()
        if isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error  # Lightning makes Ctrl-C an exit of the program
        raise
    model.history_ = before | (model.history_ or {})
    return runner


def _check_devices(runner: TrainRunner, *, many: bool) -> None:
    """Refuse several devices where the plan computes losses in one process, and strategies that cut up the model."""
    size, strategy = runner.trainer.world_size, runner.trainer.strategy
    if size > 1 and not many:
        msg = (
            f"This training uses one device; found {size}. Pass devices=1. CellLM's pretrain and train can use several."
        )
        raise ValueError(msg)
    if size > 1 and not isinstance(strategy, DDPStrategy):
        msg = (
            f"Processes share the cells of a step, and every one has the whole model; found strategy="
            f"{type(strategy).__name__}. Pass strategy='ddp', or in Jupyter, on CPUs, 'ddp_notebook'."
        )
        raise ValueError(msg)
