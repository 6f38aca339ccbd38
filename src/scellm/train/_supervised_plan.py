"""Training on labelled cells, for Lightning: parts are frozen, and the best weights are restored at the end."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import torch
from jaxtyping import Float, Int
from scvi import settings
from scvi.module.base import BaseModuleClass
from torch import Tensor, nn

from scellm._logging import logger
from scellm._random import cuda_devices, draw_key, seeded
from scellm._tokens import Tokens
from scellm.train._best_weights import BestWeights
from scellm.train._fine_tuning_config import FineTuningConfig
from scellm.train._processes import Processes, owners
from scellm.train._token_plan import TokenPlan, adam

if TYPE_CHECKING:
    from lightning.pytorch.core.optimizer import LightningOptimizer
    from lightning.pytorch.strategies import ParallelStrategy


class SupervisedPlan(TokenPlan, ABC):
    """A loss on cell embeddings and a label column. Parts that are not trained run without dropout and without a graph.

    With `early_stopping`, it ends when the validation loss has not fallen for `patience` epochs, and restores the best
    weights.

    A subclass may set `many_processes`, if its loss needs nothing but the embeddings and the batch, and does not use
    the encoder again. Then several processes all read the whole batch, each embeds some of its cells, and all exchange
    the embeddings, so the loss and its gradient are those of one process.

    Parameters
    ----------
    module
        The model; its `cell_encoder` gives cell embeddings.
    parts
        The parts of the model that are trained.
    config
        The options.
    seed
        Seed of dropout; by default `scvi.settings.seed`, or 0.
    """

    many_processes = False

    def __init__(
        self, module: BaseModuleClass, parts: Sequence[nn.Module], config: FineTuningConfig, seed: int | None = None
    ) -> None:
        super().__init__()
        self.module, self.parts, self.config = module, list(parts), config
        self.seed = seed if seed is not None else settings.seed or 0
        self.best = BestWeights()
        self.finished_epochs, self.step = 0, 0
        self._seen: dict[str, list[tuple[Tensor, Tensor]]] = {"train": [], "validation": []}

    @abstractmethod
    def predict_and_loss(
        self, embeddings: Float[Tensor, "cells cell_dim"], batch: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Prediction and loss of a batch.

        Parameters
        ----------
        embeddings
            Of the cells.
        batch
            With label columns.

        Returns
        -------
        tuple of torch.Tensor
            The loss, a scalar; the truth and the prediction, (cells,).
        """

    def scores(self, y_true: Tensor, y_pred: Tensor, stage: str) -> dict[str, float]:
        """Scores of an epoch by name, from all its cells; by default none."""
        return {}

    def setup(self, stage: str) -> None:
        """Learn which process this is."""
        trainer = self.trainer
        self.processes = Processes(trainer.global_rank, trainer.world_size)
        self.automatic_optimization = self.processes.size == 1  # Lightning averages gradients of separate batches
        if not self.automatic_optimization and (trainer.gradient_clip_val or trainer.accumulate_grad_batches != 1):
            msg = (
                f"gradient_clip_val={trainer.gradient_clip_val} and accumulate_grad_batches="
                f"{trainer.accumulate_grad_batches} work on one device only; found {self.processes.size}. Pass "
                "devices=1, or leave these options out."
            )
            raise ValueError(msg)

    def on_fit_start(self) -> None:
        """Freeze the parts that are not trained."""
        self.module.requires_grad_(requires_grad=False)
        for part in self.parts:
            part.requires_grad_(requires_grad=True)

    def on_train_start(self) -> None:
        """Replace the handler of SIGTERM that Lightning has just installed."""
        self.processes.stop_on_sigterm()

    def on_train_epoch_start(self) -> None:
        """Dropout only in the parts that are trained."""
        self.module.eval()
        for part in self.parts:
            part.train()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam over the parts that are trained."""
        parameters = [p for part in self.parts for p in part.parameters()]
        return adam(parameters, self.config.lr, self.config.weight_decay)

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch; of several processes, each then takes the same step."""
        if not self.step and self.processes.size > 1:
            self.processes.require_same({**self.config.to_dict(), "seed": self.seed, "first cells": _checksum(batch)})
        loss = self._loss(batch, "train") if self.automatic_optimization else self._step_of_many(batch)
        self.step += 1
        return loss

    def _step_of_many(self, batch: dict[str, Tensor]) -> Tensor:
        """A step of which this process computes a share: gradients are summed over processes, in one exchange."""
        optimizer = cast("LightningOptimizer", self.optimizers())  # there is one
        optimizer.zero_grad()
        with cast("ParallelStrategy", self.trainer.strategy).block_backward_sync():
            loss = self._loss(batch, "train")
            self.manual_backward(loss)
        shared = [p for p in self.module.cell_encoder.parameters() if p.requires_grad]
        if shared:  # a pooling may have nothing to train
            self.processes.sum_gradients(shared, {})
        optimizer.step()
        return loss.detach()

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Loss of a batch, without dropout."""
        self._loss(batch, "validation")

    def _loss(self, batch: dict[str, Tensor], stage: str) -> Tensor:
        embeddings = self._embeddings(Tokens.of(batch))  # (b, cell_dim)
        with seeded(self._key(0), cuda_devices(self.device)):
            loss, y_true, y_pred = self.predict_and_loss(embeddings, batch)
        if not bool(torch.isfinite(loss)):
            msg = (
                f"Training stopped in epoch {self.current_epoch}: the {stage} loss is not finite. Usual causes: "
                f"lr={self.config.lr:g} too high, or class_weights that are not finite."
            )
            raise FloatingPointError(msg)
        self._seen[stage].append((y_true.detach().cpu(), y_pred.detach().cpu()))
        self.log(f"{stage}_loss", loss, prog_bar=True, on_step=False, on_epoch=True, batch_size=len(y_true))
        return loss

    def _embeddings(self, tokens: Tokens) -> Float[Tensor, "cells cell_dim"]:
        """Embeddings of a batch; those that another process computes are constants here."""
        encoder, here = self.module.cell_encoder, self.processes
        tokens, chunks = encoder.cut(tokens, self.config.chunk_tokens)
        owner = owners([_size(tokens, cells) for cells in chunks], here.size)
        mine, parts = [torch.zeros(0, dtype=torch.int64)], [encoder.no_embeddings()]
        for at, cells in enumerate(chunks):
            if owner[at] == here.rank:
                with seeded(self._key(1 + at), cuda_devices(self.device)):
                    parts.append(encoder(encoder.pad(tokens.select(cells))))
                mine.append(cells)
        own, rows = torch.cat(parts), torch.cat(mine).to(encoder.device)  # (own cells, cell_dim), (own cells,)
        return here.joined(own.new_zeros(tokens.n_cells, own.shape[1]).index_copy(0, rows, own))

    def _key(self, what: int) -> int:
        return draw_key(self.seed, self.step, what) >> 1  # torch seeds are signed

    def on_train_epoch_end(self) -> None:
        """Scores of the epoch, measured during training."""
        self.finished_epochs += 1
        self._log_scores("train")

    def on_validation_epoch_end(self) -> None:
        """Scores on the validation cells; remember the best weights."""
        if self.trainer.sanity_checking:
            self._seen["validation"].clear()
            return
        self._log_scores("validation")
        if not self.config.early_stopping:
            return
        # The processes decide alike, whatever the last digit of their losses.
        loss = self.trainer.strategy.broadcast(float(self.trainer.callback_metrics["validation_loss"]))
        self.best.update(loss, self.module)
        if self.best.without_progress >= self.config.patience:
            self.trainer.should_stop = True
            logger.info(
                "train: stopped after epoch %s, as the validation loss has not fallen for %s epochs (lowest: %.4f)",
                self.current_epoch + 1,
                self.best.without_progress,
                self.best.score,
            )

    def _log_scores(self, stage: str) -> None:
        if not self._seen[stage]:
            return
        y_true, y_pred = (torch.cat(x) for x in zip(*self._seen[stage], strict=True))
        self._seen[stage].clear()
        found = {f"{stage}_{k}": v for k, v in self.scores(y_true, y_pred, stage).items()}
        self.log_dict(found, prog_bar=False, on_step=False, on_epoch=True, batch_size=len(y_true))

    def on_fit_end(self) -> None:
        """Restore the best weights, and make every parameter trainable again."""
        self.best.restore(self.module)
        self.module.requires_grad_(requires_grad=True)


def _size(tokens: Tokens, cells: Int[Tensor, " chunk"]) -> int:
    """Tokens of a chunk, padding included."""
    return len(cells) * (int(tokens.lengths[cells].max()) + 1)


def _checksum(batch: dict[str, Tensor]) -> int:
    """A number that differs for other cells, and for other labels."""
    return zlib.crc32(b"".join(batch[name].cpu().numpy().tobytes() for name in sorted(batch)))
