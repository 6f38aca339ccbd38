"""One pretraining step, for Lightning."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import lightning.pytorch as pl
import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor

from scellm.data._random import draw_key
from scellm.data._tokens import Tokens
from scellm.nn._module import CellLMModule
from scellm.train._checkpoint import Checkpoint
from scellm.train._contrastive import contrastive_loss, queue_loss
from scellm.train._divide import Divided, divide_and_conquer
from scellm.train._moco import Momentum
from scellm.train._passes import Losses, make_passes, make_units
from scellm.train._recipe import Recipe


class PretrainingPlan(pl.LightningModule):
    """Masked, origin and contrastive objectives over one large batch a step, by divide and conquer.

    Parameters
    ----------
    module
        The model.
    recipe
        The options.
    seed
        Of masking, dropout and new random features: a step's randomness depends on it and the step's number alone.
    checkpoint
        Where to save, and what was saved.
    """

    automatic_optimization = False

    def __init__(self, module: CellLMModule, recipe: Recipe, seed: int, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.module, self.recipe, self.seed, self.checkpoint = module, recipe, seed, checkpoint
        self.momentum = (
            Momentum(module, recipe.queue, recipe.momentum, seed)
            if recipe.contrastive and recipe.contrast == "moco"
            else None
        )
        self.step, self.rows = 0, list[dict[str, float]]()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, as in the paper, in one fused loop where torch has it."""
        fused = all(p.device.type in {"cpu", "cuda"} for p in self.module.parameters())
        parameters = [p for p in self.module.parameters() if p.requires_grad]
        return torch.optim.Adam(parameters, lr=self.recipe.lr, weight_decay=self.recipe.weight_decay, fused=fused)

    def transfer_batch_to_device(
        self, batch: dict[str, Tensor], device: torch.device, dataloader_idx: int
    ) -> dict[str, Tensor]:
        """Leave the batch where it is: chunks are cut on the CPU and moved one by one."""
        return batch

    def _adam(self) -> torch.optim.Optimizer:
        return cast("torch.optim.Optimizer", self.optimizers(use_pl_optimizer=False))  # one

    def on_fit_start(self) -> None:
        """Go on from a checkpoint, if there is one."""
        optimizer = self._adam()
        self.step, self.rows = self.checkpoint.restore(self._state(), optimizer)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """One batch: gradient, clipping, Adam."""
        recipe, step = self.recipe, self.step
        optimizer = cast("LightningOptimizer", self.optimizers())  # one
        self._redraw(step)
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr_at(step)
        optimizer.zero_grad()
        found, losses, after = self._accumulate(batch, step)
        norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), recipe.clip)
        row = self._row(found, losses, norm, optimizer)
        self._check_finite(row, norm)
        optimizer.step()
        after()
        self.rows.append({"step": step, **row})
        self.step += 1
        shown = {f"pretrain_{k}": v for k, v in row.items()}
        self.log_dict(shown, prog_bar=False, on_step=True, on_epoch=False, batch_size=1)
        self.log("loss", row["loss"], prog_bar=True, logger=False, on_step=True, batch_size=1)
        self.checkpoint.save_if_due(self._state(), optimizer.optimizer, self.step, self.rows)
        return torch.tensor(row["loss"])  # scvi-tools' SaveCheckpoint reads it

    def on_train_end(self) -> None:
        """Save the last step."""
        self.checkpoint.save(self._state(), self._adam(), self.step, self.rows)

    def _accumulate(self, batch: dict[str, Tensor], step: int) -> tuple[Divided, Losses, Callable[[], None]]:
        """Gradients of all losses; and what to do once the weights have moved."""
        recipe = self.recipe
        first = Tokens.of(batch)
        second = Tokens.of(batch, "_b") if "gene_b" in batch else first
        mask_id = self.module.config.n_bins + 1
        passes = make_passes(recipe, first, second, batch.get("origin"), mask_id, draw_key(self.seed, step, 1) >> 1)
        units = make_units(passes, recipe.chunk_tokens, self.module.encoder.max_padding, self.seed, step)
        losses = Losses(self.module, passes)
        batch_loss, after = self._batch_loss(second)
        devices = [self.device.index or 0] if self.device.type == "cuda" else []
        keep = math.inf if recipe.contrast == "end-to-end" else recipe.keep_tokens
        n_views = sum(one.vectors for one in passes)
        found = divide_and_conquer(
            units, losses, batch_loss, n_views, backward=self.manual_backward, keep_tokens=keep, devices=devices
        )
        return found, losses, after

    def _batch_loss(self, second: Tokens) -> tuple[Callable[..., Tensor] | None, Callable[[], None]]:
        recipe = self.recipe
        if not recipe.contrastive:
            return None, lambda: None
        if self.momentum is None:
            return lambda a, b: contrastive_loss(a, b, recipe.temperature, symmetric=recipe.symmetric), lambda: None
        momentum = self.momentum
        keys = momentum.keys(second, recipe.chunk_tokens, draw_key(self.seed, self.step, 3) >> 1)
        return (
            lambda a: queue_loss(a, keys, momentum.queue, recipe.temperature),
            lambda: momentum.update(self.module, keys),
        )

    def _redraw(self, step: int) -> None:
        """New random features, between optimiser steps only: never between the two passes of one."""
        if self.recipe.redraw_every and step and step % self.recipe.redraw_every == 0:
            self.module.encoder.redraw(torch.Generator().manual_seed(draw_key(self.seed, step, 2) >> 1))

    def _row(self, found: Divided, losses: Losses, norm: Tensor, optimizer: Any) -> dict[str, float]:
        parts = dict(losses.sums)
        if self.recipe.contrastive:
            parts["contrastive"] = float(found.loss)
        row = {
            "loss": sum(parts.values()),
            **parts,
            "gradient_norm": float(norm),
            "lr": optimizer.param_groups[0]["lr"],
        }
        return row | {"replay_error": found.replay_error}

    def _check_finite(self, row: dict[str, float], norm: Tensor) -> None:
        if math.isfinite(row["loss"]) and bool(torch.isfinite(norm)):
            return
        terms = [k for k in ("contrastive", "masked", "origin") if not math.isfinite(row.get(k, 0.0))]
        weights = [n for n, p in self.module.named_parameters() if not bool(torch.isfinite(p).all())]
        gradients = [
            n
            for n, p in self.module.named_parameters()
            if p.grad is not None and not bool(torch.isfinite(p.grad).all())
        ]
        what = f"the {' and '.join(terms)} loss" if terms else f"the gradient of {gradients[:3]}"
        cause = (
            f"weights were already not finite ({weights[:3]})" if weights else "weights were finite before this step"
        )
        msg = (
            f"Pretraining stopped at step {self.step}: {what} is not finite; {cause}. The weights are those of the last good step. "
            f"Usual causes: lr={self.recipe.lr:g} too high, temperature={self.recipe.temperature:g} too low, or precision='16-mixed' "
            "(use 'bf16-mixed' or '32')."
        )
        raise FloatingPointError(msg)

    def _state(self) -> dict[str, torch.nn.Module]:
        return {"module": self.module} | ({"momentum": self.momentum} if self.momentum is not None else {})
