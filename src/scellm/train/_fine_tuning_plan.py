"""Fine-tuning on cell types, for Lightning."""

from __future__ import annotations

from jaxtyping import Float
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from scellm._options import one_of
from scellm.module import CellLMModule
from scellm.train._fine_tuning_config import TUNE, FineTuningConfig
from scellm.train._supervised_plan import SupervisedPlan


def tuned_parts(module: CellLMModule, tune: str) -> list[nn.Module]:
    """The parts of a model that are trained.

    Parameters
    ----------
    module
        With an annotation head.
    tune
        "head": pooling and annotation head; "last": also the last block and the last norm, as in the published code;
        "full": all.

    Returns
    -------
    list of torch.nn.Module
        The parts.

    Raises
    ------
    ValueError
        If `tune` is not one of the three, or the model has no annotation head.
    """
    one_of("tune", tune, TUNE)
    if module.annotation_head is None:
        msg = "The model has no annotation head: set up with labels_key=..., and make a new model."
        raise ValueError(msg)
    encoder = module.cell_encoder.encoder
    head: list[nn.Module] = [module.cell_encoder.pooling, module.annotation_head]
    parts: dict[str, list[nn.Module]] = {
        "head": head,
        "last": [*encoder.blocks[-1:], encoder.norm, *head],
        "full": [encoder, *head],
    }
    return parts[tune]


class FineTuningPlan(SupervisedPlan):
    """Cross-entropy of cell types over labelled cells.

    Parameters
    ----------
    module
        The model.
    config
        The options.
    weights
        Weight of each type, float32, (types,); `None` for equal weights.
    seed
        Seed of dropout; by default `scvi.settings.seed`, or 0.
    """

    many_processes = True

    def __init__(
        self,
        module: CellLMModule,
        config: FineTuningConfig,
        weights: Float[Tensor, " types"] | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(module, tuned_parts(module, config.tune), config, seed)
        self.weights = weights

    def predict_and_loss(
        self, embeddings: Float[Tensor, "cells cell_dim"], batch: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Cross-entropy, true and predicted types."""
        logits = self.module.type_logits(embeddings).float()  # (b, types)
        labels = batch["labels"].to(logits.device)
        weight = None if self.weights is None else self.weights.to(logits)
        return cross_entropy(logits, labels, weight=weight), labels, logits.detach().argmax(1)

    def scores(self, y_true: Tensor, y_pred: Tensor, stage: str) -> dict[str, float]:
        """Accuracy, and on validation cells macro-F1."""
        found = {"accuracy": float((y_true == y_pred).double().mean())}
        if stage == "validation":
            f1 = f1_score(y_true.numpy(), y_pred.numpy(), average="macro", zero_division=0)
            found["macro_f1"] = float(f1)
        return found
