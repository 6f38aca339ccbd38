"""Training on labelled cells, for Lightning: parts are frozen, and the best weights are restored at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from scvi.module.base import BaseModuleClass
from torch import Tensor, nn

from scellm._tokens import Tokens
from scellm.train._best_weights import BestWeights
from scellm.train._fine_tuning_config import FineTuningConfig
from scellm.train._token_plan import TokenPlan, adam


class SupervisedPlan(TokenPlan, ABC):
    """A loss on cell embeddings and a label column. Parts that are not trained run without dropout and without a graph.

    Parameters
    ----------
    module
        The model; its `embed` gives cell embeddings.
    parts
        The parts of the model that are trained.
    config
        The options.
    """

    def __init__(self, module: BaseModuleClass, parts: Sequence[nn.Module], config: FineTuningConfig) -> None:
        super().__init__()
        self.module, self.parts, self.config = module, list(parts), config
        self.best = BestWeights()
        self.finished_epochs = 0
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

    def on_fit_start(self) -> None:
        """Freeze the parts that are not trained."""
        self.module.requires_grad_(requires_grad=False)
        for part in self.parts:
            part.requires_grad_(requires_grad=True)

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
        """Loss of a batch."""
        return self._loss(batch, "train")

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Loss of a batch, without dropout."""
        self._loss(batch, "validation")

    def _loss(self, batch: dict[str, Tensor], stage: str) -> Tensor:
        embeddings = self.module.embed(Tokens.of(batch), self.config.chunk_tokens)  # (b, cell_dim)
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
        if self.config.early_stopping:
            self.best.update(float(self.trainer.callback_metrics["validation_loss"]), self.module)

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
