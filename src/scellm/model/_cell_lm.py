"""CellLM, the model that users call on an AnnData."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, final, overload

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from scvi import REGISTRY_KEYS, settings
from scvi.utils import setup_anndata_dsp

from scellm._compat import device_of
from scellm._inputs import cell_positions, require_anndata
from scellm._labels import Labels
from scellm._logging import logger
from scellm._options import refuse_unknown
from scellm._random import seeded
from scellm.data import Corpus, SourceOptions
from scellm.data._datamodule import PretrainingDataModule
from scellm.data._fields import GeneTokenField, LabelField, MalignancyField
from scellm.data._label_split import LabelSplit
from scellm.data._samplers import StepSampler
from scellm.data._sources import as_source
from scellm.data._views import get_view, name_of_view
from scellm.model._fine_tune_types import fine_tune_types
from scellm.model._own_head import OwnHead
from scellm.model._solve_types import history_of, report, solve_types
from scellm.model._token_model import Indices, TokenModel
from scellm.module import CellLMModule
from scellm.nn import AnnotationHead, Config
from scellm.train import FineTuningConfig, PretrainingConfig
from scellm.train._pretraining_run import RunData, draw_seed, start_run
from scellm.train._trainer_options import split_options, with_options
from scellm.train.objectives._registry import make_heads

_SETUP = ("layer", "labels_key", "unlabeled_category", "malignancy_key")


def _check_columns(adata: AnnData, labels_key: str | None, unlabeled: Any, malignancy_key: str | None) -> None:
    """Raise for columns that cannot be read, and log the types."""
    for name, key in (("labels_key", labels_key), ("malignancy_key", malignancy_key)):
        if key is not None and key not in adata.obs:
            msg = (
                f"{name}={key!r} is not in adata.obs, which holds {list(adata.obs.columns)[:12]}. Pass one of these, or "
                "leave it out."
            )
            raise KeyError(msg)
    if malignancy_key is not None:
        Labels.of(adata.obs, malignancy_key, quiet=True)
    if labels_key is not None:
        logger.info(
            "setup_anndata: obs[%r] holds %s", labels_key, Labels.of(adata.obs, labels_key, unlabeled).describe()
        )


@final
class CellLM(TokenModel):
    """A cell language model: a Performer over the expressed genes of each cell.

    The method is that of Zhao, Zhang and Nie (2023, arXiv:2306.04371). A cell is the set of its expressed genes, each
    with a bin of expression. The model is pretrained on unlabelled cells (masked bins, tumour vs normal, contrastive)
    and fine-tuned to predict cell types. Genes are matched by name, so a model reads any genes in any order, and the
    result for a cell depends on that cell alone.

    Parameters
    ----------
    adata
        Set up with :meth:`setup_anndata`.
    registry
        Registry of a saved model; used by :meth:`load`.
    size
        "mini" (128 wide, 4 blocks), "8m", "25m" or "50m" (512 wide, 10 blocks, as published).
    gene_embeddings
        Initial gene embeddings: "string", learned by GraphMAE on STRING's protein network and included in the package
        (the best of those measured: see the user guide); "random"; a DataFrame, genes (any identifiers that
        :func:`scellm.pp.prepare` knows) by dimensions; or a path to a `.csv`, `.tsv` or `.parquet` with one. If its
        width is not `dim`, a learned layer maps it to `dim`. Genes without an embedding are initialised at random.
    train_genes
        Whether the gene table is trained; if not, it is fixed in every stage.
    rescale_genes
        Scale each column of given embeddings to mean 0 and variance 1, as bin embeddings are initialised.
    attention
        "favor" (linear in the number of genes), "softmax" (exact; on a CPU as fast up to about 1,000 genes) or
        "performer-pytorch" (the library, as a reference). All three have the same parameters.
    dropout
        Probability of dropout, which also makes the two views of a cell in the contrastive objective differ.
    **overrides
        Other options of the shape: `dim`, `depth`, `heads`, `dim_head`, `ff_mult`, `n_features`, `pooling` ("sparse",
        as in the paper; "expression"; "mean"; "cls"), `hashed_dim`, `projector`; see :class:`scellm.nn.Config`.

    Raises
    ------
    ValueError
        If `adata` is missing or was not set up, or an option is out of its range.
    TypeError
        If an option is not known.

    Examples
    --------
    >>> scellm.pp.prepare(adata)
    >>> scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    >>> model = scellm.CellLM.from_pretrained("celllm-mini", adata)
    >>> adata.obsm["X_celllm"] = model.get_latent_representation()
    >>> model.train(max_epochs=1, enable_progress_bar=False, accelerator="cpu")
    >>> adata.obs["celllm_type"] = model.predict()
    """

    _module_cls = CellLMModule
    _not_pretrained = ("annotation_head.",)  # specific to the types of one data set
    _own_head: OwnHead | None = None

    def _make_module(self, config: Config) -> CellLMModule:
        return self._module_cls(config, len(self._types()), make_heads())

    def _summary(self) -> str:
        types = self._types()
        if not types:
            return f"{super()._summary()}; set up without cell types"
        learned = "learned" if "train" in getattr(self, "configs_", {}) else "not learned yet: run model.train()"
        return f"{super()._summary()}; {len(types)} cell types, {learned}"

    def _types(self) -> list[str]:
        """Names of the cell types, in the order of the head's logits; none if the model was set up without labels."""
        fields = self.registry_["field_registries"]
        if REGISTRY_KEYS.LABELS_KEY not in fields:
            return []
        return list(fields[REGISTRY_KEYS.LABELS_KEY]["state_registry"][LabelField.CATEGORICAL_MAPPING_KEY])[:-1]

    @classmethod
    @setup_anndata_dsp.dedent
    def setup_anndata(
        cls,
        adata: AnnData,
        *,
        layer: str | None = None,
        labels_key: str | None = None,
        unlabeled_category: str | float | None = "Unknown",
        malignancy_key: str | None = None,
        **kwargs: Any,
    ) -> None:
        """%(summary)s.

        Runs :func:`scellm.pp.prepare` first if that was not done (and logs it).

        Parameters
        ----------
        adata
            Cells by genes.
        layer
            Layer with the counts; by default they are found automatically.
        labels_key
            Column of `adata.obs` with the cell types to learn. Missing values count as unlabelled, and so do words such
            as "unknown" or "NA" (with a warning). Types, cells and unlabelled cells are logged.
        unlabeled_category
            Further word or number that marks unlabelled cells.
        malignancy_key
            Column of `adata.obs` with tumour or normal, in words such as "tumor", "cancer", "normal", "healthy", or
            booleans; words that are not understood are a warning.
        **kwargs
            Used when a saved model is loaded.

        Returns
        -------
        None
            Sets `adata.obs['_scvi_labels']`, `adata.obs['_scvi_malignancy']`, `adata.uns['_scvi_uuid']`,
            `adata.uns['_scvi_manager_uuid']`, and the fields that :func:`scellm.pp.prepare` sets.

        Raises
        ------
        KeyError
            If a column does not exist; `adata` is not changed.
        ValueError
            If a column is there twice, or holds numbers with decimals; `adata` is not changed.
        TypeError
            If `adata` is no AnnData, or an option is not known.
        """
        setup_args = cls._get_setup_method_args(**locals())
        require_anndata(adata, f"{cls.__name__}.setup_anndata")
        refuse_unknown(kwargs, _SETUP, f"{cls.__name__}.setup_anndata")
        if "source_registry" not in kwargs:
            _check_columns(adata, labels_key, unlabeled_category, malignancy_key)
        fields: list = [GeneTokenField(layer)]
        if labels_key is not None:
            fields.append(LabelField(REGISTRY_KEYS.LABELS_KEY, labels_key, unlabeled_category))
        if malignancy_key is not None:
            fields.append(MalignancyField(malignancy_key))
        cls._register(adata, fields, setup_args, **kwargs)

    @with_options(PretrainingConfig)
    def pretrain(
        self,
        *,
        corpus: Corpus | str | PathLike | None = None,
        indices: Sequence[int] | np.ndarray | None = None,
        checkpoint: str | PathLike | None = None,
        accelerator: str = "auto",
        devices: int | list[int] | str = "auto",
        config: PretrainingConfig | None = None,
        **options: Any,
    ) -> None:
        """Pretrain on unlabelled cells (paper, section 3.3).

        Each step takes one large batch, and the contrastive loss compares all pairs of its cells. Divide and conquer
        gives the exact gradient of this loss in the memory of a few chunks. Losses are means over the whole batch, so
        they do not depend on how it is cut.

        Parameters
        ----------
        corpus
            Cells of many files to learn from, in place of the model's own data: the output of
            :func:`scellm.data.build_corpus`, or its folder.
        indices
            Cells to learn from; by default all.
        checkpoint
            File to save to every `checkpoint_every` steps. If it exists, the run resumes from it, and the final weights
            are those of an uninterrupted run.
        accelerator, devices
            As in Lightning; one device.
        config
            Options as an object; those given by name replace its fields.
        %(options)s
        **trainer_options
            For :class:`lightning.pytorch.Trainer`, such as `precision="bf16-mixed"`.

        Returns
        -------
        None
            Adds `pretrain_loss`, one row per step, and its parts to `history`.

        Raises
        ------
        TypeError
            If an option is not known; the message lists similar names.
        ValueError
            If a value is not allowed, there are no data, a view needs counts that do not exist, or the checkpoint is of
            another run.
        FloatingPointError
            If a loss, a gradient or a weight is not finite; the message names the term.
        KeyboardInterrupt
            After Ctrl-C. What was learned until then is kept, and saved if there is a checkpoint.
        """
        chosen, trainer_options = split_options(PretrainingConfig, config, options, "pretrain")
        seed = draw_seed(checkpoint)
        data = self._own_manager() if corpus is None else corpus
        if corpus is None and indices is not None:
            indices = cell_positions(indices, data.adata.obs_names)
        source = as_source(data, self._source_options(chosen, indices, seed))
        views = [name_of_view(view) for view in chosen.views]
        run = start_run(
            self.module,
            chosen,
            RunData(len(source.order), source.labelled(), {**source.describe(), "view": views}),
            seed=seed,
            device=device_of(accelerator, devices),
            precision=str(trainer_options.get("precision", "32")),
            checkpoint=checkpoint,
        )
        if run.is_complete:
            run.load_complete()
        else:
            sampler = StepSampler(source.order, chosen.batch_size, run.steps, seed, run.first_step)
            every_step = {"simple_progress_bar": False, "log_every_n_steps": 1, **trainer_options}
            try:
                with run.initialized(lambda n: source.first(n, seed)):
                    steps = PretrainingDataModule(source.dataset, sampler)
                    self._fit(run.plan, steps, 1, accelerator, devices, **every_step)
            except BaseException:
                if run.stopped():
                    self._record("pretrain", run.config.to_dict(), run.history())
                raise
        self._record("pretrain", run.config.to_dict(), run.history())

    def _source_options(self, config: PretrainingConfig, indices: Indices, seed: int) -> SourceOptions:
        first, second = (get_view(view) for view in config.views)
        return SourceOptions(
            binning=self.binning,
            indices=indices,
            views=(first, second),
            seed=seed,
            power=config.source_power,
            block=config.source_block,
        )

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
        types, given = self._types(), kwargs.get("external_indexing")
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
        self._record("train", chosen.to_dict())
        self._model_summary_string = self._summary()

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
            "embedding and components" for the cells that the head was solved on, else "embedding".
        """
        adata = self.adata if adata is None else adata
        own = self._own_head is not None and adata is not None and self._own_head.knows(adata)
        return "embedding and components" if own else "embedding"

    def _saved_state(self) -> dict[str, torch.Tensor]:
        return super()._saved_state() | ({} if self._own_head is None else self._own_head.to_state())

    def _saved_facts(self) -> dict[str, Any]:
        own = {} if self._own_head is None else {"own_cells": self._own_head.cells}
        return super()._saved_facts() | own

    def _restore(self, state: dict[str, torch.Tensor], facts: dict[str, Any], folder: Path) -> None:
        self._own_head = OwnHead.from_state(state, facts)
        if facts["configs"].get("train", {}).get("head") == "mlp":
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
            Names, (n,); or float32 probabilities, (n, types), indexed by cell, one column per type.

        Raises
        ------
        RuntimeError
            If the model was not trained on cell types.
        """
        if "train" not in self.configs_:
            msg = "This CellLM was not trained on cell types. Set up with labels_key=..., then run model.train()."
            raise RuntimeError(msg)
        cells = self._embed(adata, indices, batch_size)
        data = self.adata if adata is None else adata
        with torch.inference_mode():
            if self.features_of(data) == "embedding" or self._own_head is None:
                logits = self.module.type_logits(cells.to(self.device)).float().cpu()
            else:
                rows = cell_positions(indices, data.obs_names)
                logits = torch.from_numpy(self._own_head.logits(cells.numpy(), rows))
            probabilities = logits.softmax(1).numpy().astype(np.float32)
        types = np.array(self._types(), dtype=object)
        if not soft:
            return types[probabilities.argmax(1)]
        return pd.DataFrame(probabilities, index=self._cell_names(adata, indices), columns=types)
