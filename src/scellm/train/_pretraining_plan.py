"""One pretraining step, for Lightning."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from lightning.pytorch.strategies import ParallelStrategy
from torch import Tensor, nn

from scellm._logging import logger
from scellm._random import cuda_devices, draw_key
from scellm._tokens import Tokens
from scellm.module import CellLMModule
from scellm.train._batch_views import ChunkForward, make_chunks, make_views
from scellm.train._checkpoint import Checkpoint
from scellm.train._gradient_cache import StepResult, gradient_cache
from scellm.train._pretraining_config import PretrainingConfig
from scellm.train._processes import Processes
from scellm.train._token_plan import TokenPlan, adam
from scellm.train.objectives import CONTRASTS, BatchObjective
from scellm.train.objectives._registry import cell_objectives, token_objectives

_MASK, _REDRAW, _KEYS = 1, 2, 3  # uses of a random key


@dataclass(frozen=True)
class StepOptions:
    """The options of a run, resolved for this device.

    Parameters
    ----------
    steps
        Optimiser steps in all.
    seed
        Seed of masking, dropout and new random features: a step's randomness depends only on it and on the index of the
        step.
    chunk_tokens
        Tokens computed at once.
    keep_tokens
        Tokens whose graph may be kept between the two passes.
    """

    steps: int
    seed: int
    chunk_tokens: int = 8192
    keep_tokens: float = 0


class PretrainingPlan(TokenPlan):
    """All objectives over one large batch per step, by the gradient cache, in one process or several.

    Parameters
    ----------
    module
        The model.
    config
        The options.
    options
        The options, resolved for this device.
    checkpoint
        The file to save to and to resume from.
    """

    automatic_optimization = False
    many_processes = True
    processes = Processes()

    def __init__(
        self, module: CellLMModule, config: PretrainingConfig, options: StepOptions, checkpoint: Checkpoint
    ) -> None:
        super().__init__()
        self.module, self.config, self.options, self.checkpoint = module, config, options, checkpoint
        self.objectives = _chosen(token_objectives(), config)
        self.cell_objectives = _chosen(cell_objectives(), config)
        self.batch_objective = _batch_objective(config, module, options.seed)
        self.step, self.history = 0, list[dict[str, float]]()
        self.in_update = False  # between the change of the weights and its record
        self.halved = False  # whether chunks were made smaller since the start

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam over all parameters that are trained."""
        parameters = [p for p in self.module.parameters() if p.requires_grad]
        return adam(parameters, self.config.lr, self.config.weight_decay)

    def _adam(self) -> torch.optim.Optimizer:
        return cast("torch.optim.Optimizer", self.optimizers(use_pl_optimizer=False))  # there is one

    def state(self) -> dict[str, nn.Module]:
        """The modules that a checkpoint holds, by name."""
        contrast = {} if self.batch_objective is None else {"contrast": self.batch_objective}
        return {"module": self.module, **contrast}

    def get_extra_state(self) -> dict[str, Any]:
        """Step and history, which Lightning brings back with the weights from processes that it started by fork."""
        return {"step": self.step, "history": self.history}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Set step and history."""
        self.step, self.history = state["step"], state["history"]

    def on_fit_start(self) -> None:
        """Resume from a checkpoint, if there is one."""
        self.processes = Processes(self.trainer.global_rank, self.trainer.world_size)
        self.checkpoint.writes = self.processes.rank == 0
        self.step, self.history = self.checkpoint.restore(self.state(), self._adam())
        self.processes.require_same({**self.checkpoint.must_agree(), "step": self.step})
        if self.step:
            self.processes.require_same_weights(self.module)  # a new run starts from those of the first process
            logger.info("pretrain: resuming from step %s of %s", f"{self.step:,}", self.checkpoint.path)

    def on_train_start(self) -> None:
        """Replace the handler of SIGTERM that Lightning has just installed."""
        self.processes.stop_on_sigterm()

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """One batch: gradient, clipping, Adam."""
        optimizer = cast("LightningOptimizer", self.optimizers())  # there is one
        self._redraw()
        for group in optimizer.param_groups:
            group["lr"] = self.config.lr_at(self.step, self.options.steps)
        optimizer.zero_grad()
        with self._without_exchange():
            result, sums = self._accumulate_in_memory(batch)
        result, sums = self._sum_over_processes(result, sums)
        norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), self.config.clip)
        row = self._row(result, sums, float(norm), optimizer)
        self._check_finite(row)
        self.in_update = True
        optimizer.step()
        self._check_weights()
        if self.batch_objective is not None:
            self.batch_objective.after_step(self.module)
        self._record(row, optimizer)
        return torch.tensor(row["loss"])  # scvi-tools' SaveCheckpoint reads it

    def _record(self, row: dict[str, float], optimizer: LightningOptimizer) -> None:
        """Add a row to the history, log it, and save if due."""
        self.history.append({"step": self.step, **row})
        self.step += 1
        self.in_update = False
        shown = {f"pretrain_{k}": v for k, v in row.items()}
        self.log_dict(shown, prog_bar=False, on_step=True, on_epoch=False, batch_size=1)
        self.log("loss", row["loss"], prog_bar=True, logger=False, on_step=True, batch_size=1)
        self.checkpoint.save_if_due(self.state(), optimizer.optimizer, self.step, self.history)

    def on_train_end(self) -> None:
        """Save the last step."""
        self.checkpoint.save(self.state(), self._adam(), self.step, self.history)

    def save_last(self) -> bool:
        """Save the last finished step after an interruption; returns whether that was possible."""
        try:
            self.checkpoint.save(self.state(), self._adam(), self.step, self.history)
        except (OSError, RuntimeError, ValueError) as error:  # the interruption is the error that matters
            logger.warning("pretrain: the last step could not be saved (%s)", error)
            return False
        return True

    def _key(self, what: int) -> int:
        return draw_key(self.options.seed, self.step, what) >> 1  # torch seeds are signed

    def _accumulate_in_memory(self, batch: dict[str, Tensor]) -> tuple[StepResult, dict[str, float]]:
        """Gradients of a batch, in smaller chunks from here on if the device runs out of memory.

        Chunks never change the gradient, only which of dropout's random numbers a cell gets. Several processes must
        cut a batch alike, so they stop.
        """
        while True:
            try:
                return self._accumulate(batch)
            except torch.OutOfMemoryError:
                longest = int(Tokens.of(batch).lengths.max())
                end_to_end = self.config.contrast == "end-to-end"  # keeps every graph, whatever the chunks
                if self.processes.size > 1 or end_to_end or self.options.chunk_tokens <= longest:
                    raise
            self.module.zero_grad(set_to_none=True)  # what the part of the batch before the error has added
            torch.cuda.empty_cache()
            self._halve_chunks()

    def _halve_chunks(self) -> None:
        before = self.options.chunk_tokens
        self.options = replace(self.options, chunk_tokens=before // 2, keep_tokens=0)
        msg = (
            f"Step {self.step} ran out of memory with chunk_tokens={before:,}: it goes on with {before // 2:,}, and "
            "recomputes every chunk. The gradient stays exact. To choose the chunks yourself, pass chunk_tokens= and "
            "memory= to pretrain."
        )
        if not self.halved:
            warnings.warn(msg, UserWarning, stacklevel=2)
        self.halved = True

    def _accumulate(self, batch: dict[str, Tensor]) -> tuple[StepResult, dict[str, float]]:
        """Gradients of all losses; the sum of each loss."""
        config, options, encoder = self.config, self.options, self.module.cell_encoder
        first = Tokens.of(batch)
        second = Tokens.of(batch, "_b") if "gene_b" in batch else first
        target = replace(second, target=batch["count_b"]) if self.cell_objectives else None
        for objective in self.cell_objectives:
            objective.before_step(replace(first, target=batch["count"]), batch)
        contrast = self.batch_objective
        views = make_views(
            self.objectives,
            (first, second),
            0 if contrast is None else contrast.n_views,
            share_masks=config.masked_inputs == "shared",
            mask_id=self.module.config.n_bins + 1,
            key=self._key(_MASK),
            cell_objectives=self.cell_objectives,
            target=target,
        )
        chunks = make_chunks(views, options.chunk_tokens, encoder.encoder.max_padding, options.seed, self.step)
        forward = ChunkForward(self.module, views, batch)
        if contrast is not None:
            contrast.before_step(second, batch, options.chunk_tokens, self._key(_KEYS))
        result = gradient_cache(
            chunks,
            forward,
            None if contrast is None else contrast.loss,
            backward=self.manual_backward,
            keep_tokens=math.inf if config.contrast == "end-to-end" else options.keep_tokens,
            devices=cuda_devices(self.device),
            share=self.processes.share(chunks, self._no_embeddings()),
        )
        return result, {name: forward.sums.get(name, 0.0) for name, n in forward.counts.items() if n}

    def _no_embeddings(self) -> Tensor:
        return self.module.cell_encoder.encoder.norm.weight.new_zeros(0, self.module.config.dim)

    @contextmanager
    def _without_exchange(self) -> Iterator[None]:
        """Keep Lightning's strategy from exchanging gradients at each chunk."""
        if self.processes.size == 1:
            yield
            return
        with cast("ParallelStrategy", self.trainer.strategy).block_backward_sync():
            yield

    def _sum_over_processes(self, result: StepResult, sums: dict[str, float]) -> tuple[StepResult, dict[str, float]]:
        """Gradients and losses of the whole batch."""
        here, names = self.processes, list(sums)
        errors = {f"replay error {rank}": result.replay_error * (rank == here.rank) for rank in range(here.size)}
        found = here.sum_gradients((p for p in self.module.parameters() if p.requires_grad), sums | errors)
        worst = max(found[name] for name in errors)
        return replace(result, replay_error=worst), {name: found[name] for name in names}

    def _redraw(self) -> None:
        """New random features, between optimiser steps only: never between the two passes of one."""
        every = self.config.redraw_every
        if every and self.step and self.step % every == 0:
            self.module.cell_encoder.encoder.redraw(torch.Generator().manual_seed(self._key(_REDRAW)))

    def _row(
        self, result: StepResult, sums: dict[str, float], norm: float, optimizer: LightningOptimizer
    ) -> dict[str, float]:
        parts = dict(sums)
        if self.batch_objective is not None:
            parts[self.batch_objective.name] = float(result.loss)
        lr = optimizer.param_groups[0]["lr"]
        rest = {"gradient_norm": norm, "lr": lr, "replay_error": result.replay_error}
        return {"loss": sum(parts.values()), **parts, **rest}

    def _check_weights(self) -> None:
        """Raise FloatingPointError if the update itself left values that are not finite."""
        if _all_finite(self.module):
            return
        bad, saved = _not_finite(self.module, lambda p: p)[:3], self.checkpoint.path
        last = f"The last checkpoint, {saved}, is good." if saved is not None else "Make a new model."
        msg = (
            f"Pretraining stopped: the update of step {self.step} left weights that are not finite, in {bad}. This "
            f"model is lost. {last} Usual causes: lr={self.config.lr:g} or weight_decay={self.config.weight_decay:g} "
            "too high."
        )
        raise FloatingPointError(msg)

    def _check_finite(self, row: dict[str, float]) -> None:
        """Raise FloatingPointError that names the term, before the weights change."""
        if math.isfinite(row["loss"]) and math.isfinite(row["gradient_norm"]):
            return
        terms = [name for name in self.config.objectives if not math.isfinite(row.get(name, 0.0))]
        weights = _not_finite(self.module, lambda p: p)
        what = (
            f"the {' and '.join(terms)} loss"
            if terms
            else f"the gradient of {_not_finite(self.module, lambda p: p.grad)[:3]}"
        )
        cause = (
            f"weights were already not finite ({weights[:3]})" if weights else "weights were finite before this step"
        )
        msg = (
            f"Pretraining stopped at step {self.step}: {what} is not finite; {cause}. The weights are those of the "
            f"last good step. Usual causes: lr={self.config.lr:g} too high, temperature={self.config.temperature:g} "
            "too low, or "
            "precision='16-mixed' (use 'bf16-mixed' or '32')."
        )
        raise FloatingPointError(msg)


def _all_finite(module: nn.Module) -> bool:
    """Whether all weights are finite; norms are read, nothing is allocated."""
    norms = torch._foreach_norm([p.detach() for p in module.parameters()])
    return bool(torch.isfinite(torch.stack([n.float() for n in norms])).all())


def _chosen(known: Mapping[str, Any], config: PretrainingConfig) -> list[Any]:
    """The chosen ones of some objectives, in the order of the registry."""
    return [made.of(vars(config)) for name, made in known.items() if name in config.objectives]


def _batch_objective(config: PretrainingConfig, module: CellLMModule, seed: int) -> BatchObjective | None:
    kind = CONTRASTS[config.contrast] if config.contrastive else None
    return None if kind is None else kind.of(vars(config), module, seed)


def _not_finite(module: nn.Module, of: Any) -> list[str]:
    """Names of the parameters with values that are not finite."""
    found = [(name, of(p)) for name, p in module.named_parameters()]
    return [name for name, value in found if value is not None and not bool(torch.isfinite(value).all())]
