"""One run of pretraining: its options, resolved for the model, the data and the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import torch
from scvi import settings

from scellm._logging import logger
from scellm._options import jsonable
from scellm._tokens import Tokens
from scellm.module import CellLMModule
from scellm.train._checkpoint import Checkpoint
from scellm.train._memory import chunk_tokens, keep_tokens
from scellm.train._pretraining_config import PretrainingConfig
from scellm.train._pretraining_plan import PretrainingPlan, StepOptions
from scellm.train._whitening import within_group_whitening
from scellm.train.objectives._registry import cell_objectives, token_objectives

CELLS_TO_INITIALIZE = 20_000
"""Cells that a pooling is initialised from."""
CELLS_TO_WHITEN = 8192
"""Cells that the spread within clusters is measured on."""


@dataclass
class PretrainingRun:
    """A run of pretraining.

    Parameters
    ----------
    module
        The model.
    config
        The options; objectives that cannot be used are left out.
    steps
        Optimiser steps in all.
    seed
        Seed of all randomness.
    plan
        The plan that Lightning runs.
    checkpoint
        The file in which the run is saved.
    """

    module: CellLMModule
    config: PretrainingConfig
    steps: int
    seed: int
    plan: PretrainingPlan = field(repr=False)
    checkpoint: Checkpoint = field(repr=False)

    @cached_property
    def first_step(self) -> int:
        """Index of the first step of this process, above 0 if a run is resumed; the file is read once."""
        return self.checkpoint.first_step()

    @property
    def is_complete(self) -> bool:
        """Whether the checkpoint has all steps."""
        return self.first_step >= self.steps

    @contextmanager
    def initialized(self, cells: Any) -> Iterator[None]:
        """Initialise the pooling before the run, and undo it if the run ends before its first step.

        Parameters
        ----------
        cells
            Function that returns the tokens of a given number of training cells.
        """
        pooling = self.module.cell_encoder.pooling
        if self.first_step or not pooling.needs_cells:
            yield
            return
        before = {k: v.clone() for k, v in pooling.state_dict().items()}
        tokens: Tokens = cells(CELLS_TO_INITIALIZE)
        pooling.initialize(tokens, self.seed)
        for objective in self.plan.cell_objectives:
            objective.initialize(self.module, tokens)
        try:
            yield
        except BaseException:
            if not self.plan.history:
                pooling.load_state_dict(before)
            raise

    def whiten(self, cells: Callable[[int, int], Tokens], groups: Callable[[int, int], np.ndarray]) -> None:
        """Divide the learned dimensions by their spread within clusters, if the options say so.

        Checkpoints hold the weights before this step, so that a run that is resumed or complete gives the same.

        Parameters
        ----------
        cells
            Function of a number of cells and a seed that returns tokens.
        groups
            Function of the same that returns the cluster of each of these cells.
        """
        if self.config.whiten is None:
            return
        tokens, clusters = cells(CELLS_TO_WHITEN, self.seed), groups(CELLS_TO_WHITEN, self.seed)
        module = self.module.eval()
        with torch.inference_mode():
            embeddings = module.embed(tokens.to(module.cell_encoder.device))[:, : module.config.dim]
        module.cell_encoder.pooling.transform(within_group_whitening(embeddings.double().cpu(), clusters))

    def load_complete(self) -> None:
        """Load weights and history of a run that is complete in the checkpoint."""
        logger.info("pretrain: %s is complete (%s steps): using its weights", self.checkpoint.path, f"{self.steps:,}")
        self.plan.step, self.plan.history = self.checkpoint.restore(self.plan.state(), None)

    def stopped(self) -> bool:
        """After an error or Ctrl-C: save the last finished step if there is a checkpoint.

        Returns
        -------
        bool
            Whether any step was taken, so that the weights hold something that was learned.
        """
        plan = self.plan
        if plan.step <= self.first_step or plan.in_update:
            return False
        saved = plan.save_last() if self.checkpoint.path is not None else False
        resume = f"The same call resumes from {self.checkpoint.path}." if saved else "There is no checkpoint to resume."
        logger.warning("pretrain: stopped after step %s; its weights are kept. %s", f"{plan.step:,}", resume)
        return True

    def history(self) -> dict[str, pd.DataFrame]:
        """One row per step, for each quantity, under the names that scvi-tools would give."""
        table = pd.DataFrame(self.plan.history).set_index("step")
        table.columns = [f"pretrain_{c}" for c in table.columns]
        return {c: table[[c]] for c in table.columns}


@dataclass(frozen=True)
class RunData:
    """Facts about the data that a run needs.

    Parameters
    ----------
    n_cells
        Cells per epoch.
    labelled
        For each label column, how many cells have a label.
    described
        Plain values that identify the data, for the checkpoint.
    """

    n_cells: int
    labelled: Mapping[str, int]
    described: Mapping[str, Any]


def start_run(
    module: CellLMModule,
    config: PretrainingConfig,
    data: RunData,
    *,
    seed: int,
    device: torch.device,
    precision: str,
    checkpoint: str | PathLike | None,
) -> PretrainingRun:
    """Resolve the options of a run.

    Parameters
    ----------
    module
        The model.
    config
        The options.
    data
        The data.
    seed
        Seed of all randomness.
    device
        The device of the run, which decides the values of "auto" for chunks and memory.
    precision
        Precision of the trainer, such as "bf16-mixed".
    checkpoint
        File to save to; an existing one is resumed.

    Returns
    -------
    PretrainingRun
        The run, before any computation.

    Raises
    ------
    ValueError
        If the weights are imported, no objective can be used, or the checkpoint is of another run.
    """
    _refuse_imported_weights(module)
    _check_batch(data.n_cells, config)
    config = _available(config, data.labelled, module)
    if config.whiten is not None:
        module.cell_encoder.pooling.transform(torch.eye(module.config.dim))  # refused before anything is computed
    if config.max_steps is None and config.max_epochs is None:
        logger.info("pretrain: %s epochs", config.epochs(data.n_cells))
    steps = config.steps(data.n_cells)
    size = chunk_tokens(module.config, device, config.chunk_tokens)
    kept = keep_tokens(module.config, device, config.memory, 2 if "16" in precision else 4)
    options = StepOptions(steps=steps, seed=seed, chunk_tokens=size, keep_tokens=kept)
    shape = {"seed": seed, "steps": steps, "chunk_tokens": size, "shape": str(module.config), "precision": precision}
    shape["threads"] = torch.get_num_threads()
    settings = jsonable({**config.to_dict(), **data.described, **shape})
    saved = Checkpoint(checkpoint, config.checkpoint_every, settings)
    return PretrainingRun(module, config, steps, seed, PretrainingPlan(module, config, options, saved), saved)


def draw_seed(checkpoint: str | PathLike | None) -> int:
    """The seed of a run: that of the settings, or a random one.

    Raises
    ------
    ValueError
        If there is a checkpoint, but no seed: a run is only resumed with the same random numbers.
    """
    if settings.seed is not None:
        return settings.seed
    if checkpoint is not None:
        msg = (
            "A checkpoint needs a seed, because a run is only resumed with the same random numbers. Set "
            "scvi.settings.seed = 0 (or another) first."
        )
        raise ValueError(msg)
    return int(torch.randint(2**31, ()))


def _check_batch(n_cells: int, config: PretrainingConfig) -> None:
    least = 2 if config.contrastive else 1
    if min(n_cells, config.batch_size) < least:
        msg = (
            f"The contrastive objective compares cells: it needs at least two; found {n_cells} cells and "
            f"batch_size={config.batch_size}."
            if config.contrastive
            else f"Pretraining needs at least one cell; found {n_cells}."
        )
        raise ValueError(msg)


def _refuse_imported_weights(module: CellLMModule) -> None:
    if module.config.compat is not None:
        msg = (
            "Imported weights are for embedding and fine-tuning: the published padding allows no exact pretraining. "
            "Make a new CellLM to pretrain."
        )
        raise ValueError(msg)


def _available(config: PretrainingConfig, labelled: Mapping[str, int], module: CellLMModule) -> PretrainingConfig:
    """Leave out the objectives that cannot be used, with a reason."""
    tokens, cells, kept = token_objectives(), cell_objectives(), []
    why = ""
    for name in config.objectives:
        reason = None
        if name in tokens:
            reason = tokens[name].of(vars(config)).unavailable(labelled, module.config)
        elif name in cells:
            reason = cells[name].of(vars(config)).unavailable(module)
        if reason is None:
            kept.append(name)
            continue
        why = reason
        logger.info("pretrain: %s, so the %s objective is left out", reason, name)
    if not kept or (kept == ["contrastive"] and not config.contrastive):
        msg = f"No objective is left: {why}. Pass malignancy_key= to setup_anndata, or other objectives."
        raise ValueError(msg)
    return config.with_objectives(kept)
