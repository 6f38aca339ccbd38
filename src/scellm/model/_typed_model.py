"""Models that learn cell types from labelled cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from scipy.special import softmax
from scvi import REGISTRY_KEYS, settings

from scellm._inputs import cell_positions
from scellm._logging import logger
from scellm._random import seeded
from scellm.data._fields import LabelField
from scellm.data._label_split import LabelSplit
from scellm.model._annotator import Annotator
from scellm.model._fine_tune_types import fine_tune_types
from scellm.model._own_head import OwnHead
from scellm.model._solve_types import history_of, report, solve_types
from scellm.model._token_model import Indices, TokenModel
from scellm.nn import AnnotationHead, LinearHead
from scellm.train import FineTuningConfig
from scellm.train._trainer_options import split_options, with_options
from scellm.weights._state import describe, misfits, shapes_of


class TypedModel(TokenModel):
    """Base class of models with an annotation head: `train` and `predict`."""

    _own_head: OwnHead | None = None
    _annotator: Annotator | None = None
    """The types of a head that came with weights, until `train` learns others."""

    def _summary(self) -> str:
        types = self._types()
        if self._annotator is not None:
            return f"{super()._summary()}; knows {len(types)} cell types from its weights"
        if not types:
            return f"{super()._summary()}; set up without cell types"
        learned = "learned" if "train" in getattr(self, "configs_", {}) else "not learned yet: run model.train()"
        return f"{super()._summary()}; {len(types)} cell types, {learned}"

    def _types(self) -> list[str]:
        """Names of the cell types, in the order of the head's logits; none without labels or a head in the weights."""
        return self._types_of_labels() if self._annotator is None else self._annotator.names

    def _types_of_labels(self) -> list[str]:
        """Names of the types that the model's own labels hold."""
        fields = self.registry_["field_registries"]
        if REGISTRY_KEYS.LABELS_KEY not in fields:
            return []
        return list(fields[REGISTRY_KEYS.LABELS_KEY]["state_registry"][LabelField.CATEGORICAL_MAPPING_KEY])[:-1]

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
        were left out.

        Parameters
        ----------
        indices
            Cells that may be used; by default all. Leave out a test set: cells outside `indices` are never used.
        accelerator, devices
            As in Lightning; one device.
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
        """
        chosen, trainer_options = split_options(FineTuningConfig, config, options, "train")
        kwargs = datasplitter_kwargs or {}
        self._validate_anndata()
        seed = settings.seed if settings.seed is not None else 0
        types, given = self._types_of_labels(), kwargs.get("external_indexing")
        split = LabelSplit.of(self.adata_manager, types, indices, chosen.validation_size, seed, given)
        self._own_head, kept = None, False
        if not self.is_trained_ and chosen.tune == "head":
            logger.warning("train: %s", self._untrained())
        if not chosen.solved:
            stopping = chosen.trainer_options(validated=len(split.validation) > 0)
            data = split.loader(self.adata_manager, chosen.batch_size, **kwargs)
            options = {**stopping, **trainer_options}
            fit = lambda plan: self._fit(plan, data, chosen.max_epochs, accelerator, devices, **options)
            with seeded(seed):
                kept = fine_tune_types(self, types, split, chosen, fit, seed)
        if not kept:
            head, self._own_head = solve_types(self, types, split, chosen, seed, given=given is not None)
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
            self._own_head, self._annotator = None, None
            self._model_summary_string = self._summary()

    @property
    def _knows_types(self) -> bool:
        return "train" in self.configs_ or self._annotator is not None

    @property
    def cell_types(self) -> pd.DataFrame:
        """The cell types that :meth:`predict` chooses from.

        Returns
        -------
        pandas.DataFrame
            One row a type, in the order of the probabilities: `name`, `id` (Cell Ontology, or ""), `coarse` and
            `coarse_id`, which are the same as the former for types with one level, and `min_confidence`, the
            probability from which on :func:`scellm.tl.annotate` gives the type.

        Raises
        ------
        RuntimeError
            If the model knows no cell types.
        """
        return self._answering().types.copy()

    def _answering(self) -> Annotator:
        """The types in use, those of the weights or those that were learned; raises RuntimeError if there are none."""
        if not self._knows_types:
            msg = (
                "This model was not trained on cell types. Set up with labels_key=..., then run model.train(); or take "
                "weights that know types: scellm.CellLM.available()."
            )
            raise RuntimeError(msg)
        return Annotator.of_names(self._types()) if self._annotator is None else self._annotator

    @property
    def labels_key(self) -> str | None:
        """Column of `obs` that the model learns types from; `None` if it was set up without labels."""
        fields = self.registry_["field_registries"]
        if REGISTRY_KEYS.LABELS_KEY not in fields:
            return None
        return fields[REGISTRY_KEYS.LABELS_KEY]["state_registry"]["original_key"]

    def features_of(self, adata: AnnData | None = None) -> str:
        """Which features :meth:`predict` uses for these cells.

        Parameters
        ----------
        adata
            Cells, prepared; by default those of the model.

        Returns
        -------
        str
            "embedding and components" for cells that the head was solved on, which are known by their contents, else
            "embedding"; both with the number of cells if some are known and some are not.
        """
        places = self._places(self._validate_anndata(adata))
        known = int((places >= 0).sum())
        if not known:
            return "embedding"
        if known == len(places):
            return "embedding and components"
        return f"embedding and components for {known:,} cells, embedding for {len(places) - known:,}"

    def _places(self, adata: AnnData) -> np.ndarray:
        """Which of the cells that the head was solved on each cell is; -1 for others."""
        return np.full(adata.n_obs, -1) if self._own_head is None else self._own_head.places(adata)

    def _saved_state(self) -> dict[str, torch.Tensor]:
        return super()._saved_state() | ({} if self._own_head is None else self._own_head.to_state())

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
        self._own_head = OwnHead.from_state(state)
        annotator = Annotator.from_card(facts.get("annotator", {}), folder)
        if annotator is not None:
            self._take_head(annotator)
        elif facts["configs"].get("train", {}).get("head") == "mlp":
            self.module.annotation_head = AnnotationHead(self.module.config.cell_dim, len(self._types()))
        super()._restore(state, facts, folder)
        self._model_summary_string = self._summary()

    @overload
    def predict(
        self,
        adata: AnnData | None = None,
        *,
        indices: Indices = None,
        soft: Literal[False] = False,
        batch_size: int | None = None,
    ) -> np.ndarray: ...

    @overload
    def predict(
        self,
        adata: AnnData | None = None,
        *,
        indices: Indices = None,
        soft: Literal[True],
        batch_size: int | None = None,
    ) -> pd.DataFrame: ...

    def predict(
        self,
        adata: AnnData | None = None,
        *,
        indices: Indices = None,
        soft: bool = False,
        batch_size: int | None = None,
    ) -> np.ndarray | pd.DataFrame:
        """Predict cell types.

        Parameters
        ----------
        adata
            Cells; by default those of the model. No labels are needed.
        indices
            Cells to predict, in any order; by default all.
        soft
            Return probabilities.
        batch_size
            Cells read at once; affects the speed, not the result.

        Returns
        -------
        numpy.ndarray or pandas.DataFrame
            Names, (n,); or float32 probabilities, (n, types), indexed by cell, one column per type. The name is that of
            the most probable type; for coarse answers and "unknown" there is :func:`scellm.tl.annotate`.

        Raises
        ------
        RuntimeError
            If the model knows no cell types.
        """
        names = self._answering().names
        cells = self._embed(adata, indices, batch_size)
        data = self._validate_anndata(adata)
        places = self._places(data)[cell_positions(indices, data.obs_names)]
        with torch.inference_mode():
            logits = self.module.type_logits(cells.to(self.device)).double().cpu().numpy()
        if self._own_head is not None and (places >= 0).any():
            known = places >= 0
            logits[known] = self._own_head.logits(cells.numpy()[known], places[known])
        probabilities = softmax(logits, axis=1).astype(np.float32)
        types = np.array(names, dtype=object)
        if not soft:
            return types[probabilities.argmax(1)]
        return pd.DataFrame(probabilities, index=self._cell_names(adata, indices), columns=types)
