"""Models that learn cell types from labelled cells."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scvi import settings

from scellm._logging import logger
from scellm._random import seeded
from scellm.data._label_split import LabelSplit
from scellm.model._annotator import Annotator
from scellm.model._conformal import Conformal
from scellm.model._fine_tune_types import calibrated, fine_tune_types
from scellm.model._own_head import OwnHead
from scellm.model._solve_types import history_of, report, solve_types
from scellm.model._type_answers import TypeAnswers
from scellm.nn import AnnotationHead, LinearHead
from scellm.train import FineTuningConfig
from scellm.train._trainer_options import split_options, with_options
from scellm.weights._state import describe, misfits, shapes_of


class TypedModel(TypeAnswers):
    """Base class of models with an annotation head: `train` and `predict`."""

    def _summary(self) -> str:
        types = self._types()
        if self._annotator is not None:
            return f"{super()._summary()}; knows {len(types)} cell types from its weights"
        if not types:
            return f"{super()._summary()}; set up without cell types"
        learned = "learned" if "train" in getattr(self, "configs_", {}) else "not learned yet: run model.train()"
        return f"{super()._summary()}; {len(types)} cell types, {learned}"

    @with_options(FineTuningConfig)
    def train(
        self,
        *,
        indices: Sequence[int] | np.ndarray | None = None,
        accelerator: str = "auto",
        devices: int | list[int] | str = "auto",
        datasplitter_kwargs: dict[str, Any] | None = None,
        config: FineTuningConfig | None = None,
        **options: Any,
    ) -> None:
        """Learn cell types from the labelled cells.

        By default the encoder stays as it is, and the head is solved: multinomial logistic regression on the
        embeddings, which takes one pass over the labelled cells and no learning rate. For the model's own cells a
        second head is solved on the embedding joined with 50 principal components of their log expression
        (`scellm.tl.embed(adapt="pca")`), and the logits of both are averaged; for any other cells the embedding alone
        answers, which transfers better between studies. Probabilities are calibrated by one temperature, on cells that
        were left out. If the cells that are not learned from do not mix with the labelled ones, as those of another
        study, the embedding alone answers for all.

        Parameters
        ----------
        indices
            Cells whose labels may be used; by default all. Leave out a test set: labels of cells outside `indices` are
            never read. Their expression is, for principal components, as that of all cells of the data set.
        accelerator, devices
            As in Lightning. With `strategy="ddp"`, several devices share the cells of each batch, with the result of
            one (page "Large data and several machines"); a solved head needs none of them.
        datasplitter_kwargs
            For :class:`scvi.dataloaders.DataSplitter`; `external_indexing=[train, validation, test]` sets the split,
            and no head then learns from the validation cells.
        config
            Options as an object; those given by name replace its fields.
        %(options)s
        **trainer_options
            For :class:`lightning.pytorch.Trainer`; not used by a solved head.

        Returns
        -------
        None
            Adds `validation_loss`, `validation_accuracy` and `validation_macro_f1` to `history`; training by steps also
            `train_loss` and `train_accuracy`.

        Raises
        ------
        TypeError
            If an option is not known; the message lists similar names.
        ValueError
            If there are no labels, fewer than two types, or a value is not allowed.

        Warns
        -----
        UserWarning
            If the other cells seem to be of another study: within a type, they do not mix with labelled ones.
        """
        chosen, trainer_options = split_options(FineTuningConfig, config, options, "train")
        kwargs = datasplitter_kwargs or {}
        self._validate_anndata()
        seed = settings.seed if settings.seed is not None else 0
        types, given = self._types_of_labels(), kwargs.get("external_indexing")
        split = LabelSplit.of(self.adata_manager, types, indices, chosen.validation_size, seed, given)
        self._own_head, self._conformal, kept = None, None, False
        if not self.is_trained_ and chosen.tune == "head":
            logger.warning("train: %s", self._untrained())
        if not chosen.solved:
            stopping = chosen.trainer_options(validated=len(split.validation) > 0)
            data = split.loader(self.adata_manager, chosen.batch_size, **kwargs)
            options = {**stopping, **trainer_options}
            fit = lambda plan: self._fit(plan, data, chosen.max_epochs, accelerator, devices, **options)
            with seeded(seed):
                kept = fine_tune_types(self, types, split, chosen, fit, seed)
        if kept:
            self.train_indices_, self.validation_indices_ = split.train, split.validation  # known to children alone
            self._conformal = calibrated(self, split, len(types), seed)
        else:
            solved = solve_types(self, types, split, chosen, seed, given=given is not None)
            head, self._own_head, self._conformal = solved
            report(head, self._own_head, len(split.train) + len(split.validation), len(types))
            self.history_ = (self.history_ or {}) | history_of(head)
            held_out = split.validation if given is not None else np.zeros(0, int)
            rows = np.union1d(split.train, split.validation)
            self.train_indices_, self.validation_indices_ = np.setdiff1d(rows, held_out), held_out
        self._annotator = None
        self._record("train", chosen.to_dict())
        self._model_summary_string = self._summary()

    def _forget_types(self) -> None:
        """After the encoder changed, the head does not fit its embeddings: `predict` then asks to train again."""
        if self._knows_types:
            logger.warning("the cell types were learned on the embeddings of before: run model.train() again")
            self.configs_ = {k: v for k, v in self.configs_.items() if k != "train"}
            self._own_head, self._conformal, self._annotator = None, None, None
            self._model_summary_string = self._summary()

    def _saved_state(self) -> dict[str, torch.Tensor]:
        parts = (part.to_state() for part in (self._own_head, self._conformal) if part is not None)
        return dict(ChainMap(super()._saved_state(), *parts))

    def _saved_facts(self) -> dict[str, Any]:
        return super()._saved_facts() | ({} if self._annotator is None else {"annotator": self._annotator.to_card()})

    def _head_state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """The annotation head and its types, for :meth:`save_pretrained`."""
        annotator, head = self._answering(), self.module.annotation_head
        if not isinstance(head, LinearHead):
            msg = "save_pretrained(head=True) needs a linear head: train with head='solved', the default."
            raise ValueError(msg)
        return {f"annotation_head.{k}": v for k, v in head.state_dict().items()}, annotator.to_card()

    def _load_pretrained(self, state: dict[str, torch.Tensor], card: dict[str, Any], name: str) -> None:
        head = {k: v for k, v in state.items() if k.startswith("annotation_head.")}
        super()._load_pretrained({k: v for k, v in state.items() if k not in head}, card, name)
        annotator = Annotator.from_card(card, name)
        n_types, width = 0 if annotator is None else len(annotator.names), self.module.config.cell_dim
        wanted = {"annotation_head.weight": (n_types, width), "annotation_head.bias": (n_types,)}
        found = misfits(shapes_of(head), {k: torch.Size(v) for k, v in wanted.items()} if n_types else {})
        if found:
            msg = f"{name} is damaged: its head of cell types does not fit its card ({describe(found)})."
            raise ValueError(msg)
        if annotator is not None:
            self._take_head(annotator)
            self.module.load_state_dict({k: v.float() for k, v in head.items()}, strict=False)

    def _take_head(self, annotator: Annotator) -> None:
        """Make room for the head of these types."""
        self._annotator = annotator
        self.module.annotation_head = LinearHead(self.module.config.cell_dim, len(annotator.names)).to(self.device)
        self._model_summary_string = self._summary()

    def _restore(self, state: dict[str, torch.Tensor], facts: dict[str, Any], folder: Path) -> None:
        self._own_head, self._conformal = OwnHead.from_state(state), Conformal.from_state(state)
        annotator = Annotator.from_card(facts.get("annotator", {}), folder)
        if annotator is not None:
            self._take_head(annotator)
        elif facts["configs"].get("train", {}).get("head") == "mlp":
            self.module.annotation_head = AnnotationHead(self.module.config.cell_dim, len(self._types()))
        super()._restore(state, facts, folder)
        self._model_summary_string = self._summary()
