"""Fine-tuning the annotation head, and as much of the encoder as asked, for Lightning."""

from __future__ import annotations

import copy

import lightning.pytorch as pl
import torch
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from scellm.data._tokens import Tokens
from scellm.nn._module import CellLMModule

TUNE = ("head", "last", "full")


def tuned_parts(module: CellLMModule, tune: str) -> list[nn.Module]:
    """The parts of a model that learn.

    Parameters
    ----------
    module
        With an annotation head.
    tune
        "head": pooling and annotation head; "last": the last block and the last norm too, as the published code does; "full": all.

    Returns
    -------
    list of torch.nn.Module
        The parts.

    Raises
    ------
    ValueError
        If `tune` is none of the three.
    """
    if module.annotation_head is None:
        msg = "The model has no annotation head: set up with labels_key=..., and make the model anew."
        raise ValueError(msg)
    head: list[nn.Module] = [module.pooling, module.annotation_head]
    parts: dict[str, list[nn.Module]] = {
        "head": head,
        "last": [*module.encoder.blocks[-1:], module.encoder.norm, *head],
        "full": [module.encoder, *head],
    }
    if tune not in parts:
        msg = f"tune={tune!r} is not known; expected one of {TUNE}."
        raise ValueError(msg)
    return parts[tune]


class FineTuningPlan(pl.LightningModule):
    """Cross-entropy over labelled cells. The parts that do not learn run without dropout and without a graph.

    Parameters
    ----------
    module
        The model.
    tune
        "head", "last" or "full".
    lr, weight_decay
        Of Adam (paper, table F.1: 1e-4 and 1e-4).
    class_weights
        Weight of each type, float32, (types,); `None` for equal ones.
    chunk_tokens
        Tokens computed at once.
    restore_best
        Whether the weights of the epoch with the lowest validation loss are put back at the end.
    """

    def __init__(
        self, module: CellLMModule, *, tune: str = "last", lr: float = 1e-4, weight_decay: float = 1e-4,
        class_weights: Tensor | None = None, chunk_tokens: int = 8192, restore_best: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.module, self.lr, self.weight_decay, self.chunk_tokens, self.restore_best = (
            module,
            lr,
            weight_decay,
            chunk_tokens,
            restore_best,
        )
        self.parts = tuned_parts(module, tune)
        self.class_weights = class_weights
        self._best: tuple[float, dict[str, Tensor]] | None = None
        self._seen: dict[str, list[tuple[Tensor, Tensor]]] = {"train": [], "validation": []}

    def on_fit_start(self) -> None:
        """Freeze what does not learn."""
        self.module.requires_grad_(requires_grad=False)
        for part in self.parts:
            part.requires_grad_(requires_grad=True)

    def on_train_epoch_start(self) -> None:
        """Dropout in the parts that learn only."""
        self.module.eval()
        for part in self.parts:
            part.train()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam over the parts that learn."""
        parameters = [p for part in self.parts for p in part.parameters()]
        fused = all(p.device.type in {"cpu", "cuda"} for p in parameters)
        return torch.optim.Adam(parameters, lr=self.lr, weight_decay=self.weight_decay, fused=fused)

    def transfer_batch_to_device(
        self, batch: dict[str, Tensor], device: torch.device, dataloader_idx: int
    ) -> dict[str, Tensor]:
        """Leave the tokens where they are: chunks are cut on the CPU and moved one by one."""
        return batch

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        """Loss of a batch."""
        return self._loss(batch, "train")

    def validation_step(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Loss of a batch, without dropout."""
        self._loss(batch, "validation")

    def _loss(self, batch: dict[str, Tensor], stage: str) -> Tensor:
        scores = self.module.type_scores(self.module.cells(Tokens.of(batch), self.chunk_tokens)).float()  # (b, types)
        labels = batch["labels"].to(scores.device)
        weight = None if self.class_weights is None else self.class_weights.to(scores)
        loss = cross_entropy(scores, labels, weight=weight)
        self._seen[stage].append((labels.cpu(), scores.detach().argmax(1).cpu()))
        self.log(f"{stage}_loss", loss, prog_bar=True, on_step=False, on_epoch=True, batch_size=len(labels))
        return loss

    def on_train_epoch_end(self) -> None:
        """Accuracy of the epoch, measured while learning."""
        self._log_scores("train")

    def on_validation_epoch_end(self) -> None:
        """Accuracy and macro-F1; remember the best weights."""
        if self.trainer.sanity_checking:
            self._seen["validation"].clear()
            return
        self._log_scores("validation")
        loss = float(self.trainer.callback_metrics["validation_loss"])
        if self.restore_best and (self._best is None or loss < self._best[0]):
            self._best = (loss, copy.deepcopy(self.module.state_dict()))

    def _log_scores(self, stage: str) -> None:
        if not self._seen[stage]:
            return
        truth, told = (torch.cat(x).numpy() for x in zip(*self._seen[stage], strict=True))
        self._seen[stage].clear()
        scores = {f"{stage}_accuracy": float((truth == told).mean())}
        if stage == "validation":
            scores["validation_macro_f1"] = float(f1_score(truth, told, average="macro", zero_division=0))
        self.log_dict(scores, prog_bar=False, on_step=False, on_epoch=True, batch_size=len(truth))

    def on_fit_end(self) -> None:
        """Put the best weights back, and let everything learn again."""
        if self._best is not None:
            self.module.load_state_dict(self._best[1])
        self.module.requires_grad_(requires_grad=True)
