"""Time and memory of embedding and of pretraining, from a few cells to all."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import lightning.pytorch as pl
import numpy as np
import torch

from scellm._compat import device_of
from scellm._logging import quiet
from scellm._peak_memory import peak_memory
from scellm.data._sources import as_source
from scellm.model._cell_lm import CellLM
from scellm.model._encodings import at_once
from scellm.model._plan_sample import Sample
from scellm.train import PretrainingConfig
from scellm.train._memory import chunk_tokens, keep_tokens
from scellm.train._trainer_options import split_options

_BYTES_PER_BIN = 5  # int32 column and uint8 bin
_FIRST = 8  # cells of the first look
_CHUNKS = 4  # chunks per step that are measured, if there is time
_NOT_MEASURED = {"devices", "strategy", "num_nodes", "checkpoint", "callbacks", "logger", "default_root_dir"}
_NOT_MEASURED |= {"enable_progress_bar", "enable_checkpointing"}
_STEPS, _STEPS_AT_MOST = 3, 12  # of which the first is not counted


@dataclass(frozen=True)
class Cost:
    """What a run takes: seconds, bytes at the peak, optimiser steps and tokens at once."""

    seconds: float
    memory: int
    steps: int
    chunk_tokens: int


def embedding_cost(model: CellLM, sample: Sample, budget: float, *, types: bool) -> Cost:
    """Cost of encoding all cells.

    Parameters
    ----------
    model
        A model over the drawn cells.
    sample
        The drawn cells.
    budget
        Seconds for the measurement.
    types
        Whether cell types are predicted, which holds fewer embeddings at once.
    """
    lengths, config = sample.lengths(model), model.module.config
    with peak_memory() as peak:
        first = _seconds_to_encode(model, np.argsort(lengths)[::-1][:_FIRST])  # the longest, for the peak
        per_token = first / max(lengths[np.argsort(lengths)[::-1][:_FIRST]].sum(), 1)
        affordable = int(budget / 2 / max(per_token * lengths.mean(), 1e-9))
        rows = np.arange(len(lengths))[: max(affordable, 1)]
        per_token = _seconds_to_encode(model, rows) / max(lengths[rows].sum(), 1)
    tokens = lengths.mean() * sample.cells
    width, most = config.cell_dim, at_once(config.cell_dim)
    held = min(sample.cells, most) if types else sample.cells
    outputs = 4 * width * held * (2 if sample.cells <= most else 1)  # kept for the next call, and returned
    outputs += 2 * 4 * len(model._types()) * sample.cells if types else 0  # probabilities, and their copy
    bins = _BYTES_PER_BIN * tokens if sample.bins_in_memory else 0
    seconds = per_token * tokens + sample.seconds_to_prepare
    return Cost(float(seconds), int(peak.bytes + outputs + bins), 0, chunk_tokens(config, model.device, "auto"))


def _seconds_to_encode(model: CellLM, rows: np.ndarray) -> float:
    start = time.perf_counter()
    model._encode(model.adata, rows, None)
    return time.perf_counter() - start


def pretraining_cost(model: CellLM, sample: Sample, budget: float, options: Mapping[str, Any]) -> Cost:
    """Cost of a run of pretraining.

    Steps are measured on fewer cells than a batch has, once with every chunk recomputed and once with none, and the
    cost of the whole batch lies between them, by how many graphs fit in memory.

    Parameters
    ----------
    model
        A model over the drawn cells; it is changed.
    sample
        The drawn cells.
    budget
        Seconds for the measurement.
    options
        Arguments of `pretrain`.
    """
    run = _Steps.of(model, options)
    steps, batch = run.config.steps(sample.cells), min(run.config.batch_size, sample.cells)
    most = min(batch, len(sample.adata))
    few = min(most, 4)
    once = run.measured(few, 2, memory=0).seconds
    wanted = math.ceil(_CHUNKS * run.chunk * few / max(run.tokens(few), 1))  # cells
    affordable = int(few * budget / (2 * _STEPS * once))
    cells = int(np.clip(min(wanted, affordable), few, most))
    repeats = int(np.clip(budget * few / (2 * cells * once), _STEPS, _STEPS_AT_MOST))

    recomputed = run.measured(cells, repeats, memory=0)
    usual = run.measured(cells, repeats, memory=run.config.memory)
    tokens = run.tokens(cells)
    kept_here, kept = min(run.room, tokens), min(run.room, tokens * batch / cells)
    saved = (recomputed.seconds - usual.seconds) / max(kept_here, 1)  # seconds for a token whose graph is kept
    held = max(usual.memory - recomputed.memory, 0) / max(kept_here, 1)  # bytes for the same
    step = recomputed.seconds * batch / cells - saved * kept
    pairs = 8 * 4 * batch * model.module.config.dim + 3 * 4 * min(batch, 8192) ** 2  # embeddings, and the loss
    bins = _BYTES_PER_BIN * sample.lengths(model).mean() * sample.cells if sample.bins_in_memory else 0
    seconds = steps * step + usual.before + sample.seconds_to_prepare
    return Cost(float(seconds), int(recomputed.memory + held * kept + pairs + bins), steps, run.chunk)


@dataclass(frozen=True)
class _Measured:
    """Mean seconds of a step, seconds before the first, and peak memory in bytes."""

    seconds: float
    before: float
    memory: int


@dataclass(frozen=True)
class _Steps:
    """Real steps of pretraining on some cells.

    Parameters
    ----------
    model
        The model.
    config
        The options of the run.
    trainer
        Options of the trainer, the accelerator and the devices.
    chunk
        Tokens computed at once.
    room
        Tokens of contrastive views whose graph is kept between the two passes.
    """

    model: CellLM
    config: PretrainingConfig
    trainer: dict[str, Any]
    chunk: int
    room: float

    @classmethod
    def of(cls, model: CellLM, options: Mapping[str, Any]) -> Self:
        """Sort the arguments of `pretrain`; those that start processes, write files or call the user are left out."""
        rest = {k: v for k, v in options.items() if k not in _NOT_MEASURED}
        accelerator = rest.pop("accelerator", "auto")
        config, trainer = split_options(PretrainingConfig, rest.pop("config", None), rest, "plan")
        where = {"accelerator": accelerator, "devices": 1}
        device = device_of(accelerator, 1)
        shape, half = model.module.config, "16" in str(trainer.get("precision", "32"))
        room = keep_tokens(shape, device, config.memory, 2 if half else 4)
        if config.contrast == "end-to-end":
            room = math.inf
        if not config.contrastive:
            room = 0
        return cls(model, config, {**trainer, **where}, chunk_tokens(shape, device, config.chunk_tokens), room)

    def measured(self, cells: int, steps: int, *, memory: int | str) -> _Measured:
        """Some steps, of which the first is not counted."""
        clock = _Clock()
        changed = {"max_steps": steps, "batch_size": cells, "memory": memory, "whiten": None}
        if memory == 0 and self.config.contrast == "end-to-end":
            changed["contrast"] = "divide-and-conquer"
        quietly = {"enable_progress_bar": False, "logger": False, "callbacks": [clock]}
        start = time.perf_counter()
        with quiet(), warnings.catch_warnings(), peak_memory() as peak:
            warnings.simplefilter("ignore")  # what is to be said about options is said by the run itself
            self.model.pretrain(config=self.config, **{**self.trainer, **changed, **quietly})
        total = time.perf_counter() - start
        return _Measured(float(np.mean(clock.seconds[1:])), max(total - sum(clock.seconds), 0.0), peak.bytes)

    def tokens(self, cells: int) -> int:
        """Tokens of both views of a batch."""
        source = as_source(self.model.adata_manager, self.model._source_options(self.config, None, 0))
        batch = source.dataset[0, np.arange(cells)]
        return len(batch["gene"]) + len(batch.get("gene_b", batch["gene"]))


class _Clock(pl.Callback):
    """Time of each step."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._start = 0.0

    def on_train_batch_start(self, *args: Any) -> None:
        """Start."""
        self._start = time.perf_counter()

    def on_train_batch_end(self, *args: Any) -> None:
        """Stop, after the device has finished."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds.append(time.perf_counter() - self._start)
