"""CellLM, the model that users call on an AnnData."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal, final, overload

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from scvi import REGISTRY_KEYS, settings
from scvi.utils import setup_anndata_dsp

from scellm._compat import device_of
from scellm.data import Corpus, SourceOptions
from scellm.data._datamodule import PretrainingDataModule
from scellm.data._fields import GeneTokenField, LabelField, MalignancyField
from scellm.data._label_split import LabelSplit
from scellm.data._samplers import StepSampler
from scellm.data._sources import as_source
from scellm.data._views import get_view, name_of_view
from scellm.model._token_model import Indices, TokenModel
from scellm.module import CellLMModule
from scellm.nn import Config
from scellm.train import FineTuningConfig, FineTuningPlan, PretrainingConfig, class_weights
from scellm.train._pretraining_run import RunData, draw_seed, start_run
from scellm.train._trainer_options import split_options, with_options
from scellm.train.objectives._registry import make_heads


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

    def _make_module(self, config: Config) -> CellLMModule:
        return self._module_cls(config, len(self._types()), make_heads())

    def _summary(self) -> str:
        return f"{super()._summary()}; {len(self._types())} cell types"

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
        unlabeled_category: str = "Unknown",
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
            Column of `adata.obs` with the cell types to learn. Missing values count as unlabelled.
        unlabeled_category
            Category that marks unlabelled cells.
        malignancy_key
            Column of `adata.obs` with tumour or normal, in words such as "tumor", "cancer", "normal", "healthy".
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
        """
        for name, key in (("labels_key", labels_key), ("malignancy_key", malignancy_key)):
            if key is not None and key not in adata.obs and "source_registry" not in kwargs:
                msg = (
                    f"{name}={key!r} is not in adata.obs, which holds {list(adata.obs.columns)[:12]}. Pass one of "
                    "these, or leave it out."
                )
                raise KeyError(msg)
        setup_args = cls._get_setup_method_args(**locals())
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
            If a loss or gradient is not finite; the message names the term.
        """
        chosen, trainer_options = split_options(PretrainingConfig, config, options, "pretrain")
        seed = draw_seed(checkpoint)
        source = as_source(
            self._own_manager() if corpus is None else corpus, self._source_options(chosen, indices, seed)
        )
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
            with run.initialized(lambda n: source.first(n, seed)):
                data = PretrainingDataModule(source.dataset, sampler)
                self._fit(run.plan, data, 1, accelerator, devices, **every_step)
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
        """Fine-tune on the labelled cells, to predict cell types.

        Parameters
        ----------
        indices
            Cells that may be used; by default all. Leave out a test set: cells outside `indices` are never used.
        accelerator, devices
            As in Lightning; one device.
        datasplitter_kwargs
            For :class:`scvi.dataloaders.DataSplitter`; `external_indexing=[train, validation, test]` sets the split.
        config
            Options as an object; those given by name replace its fields.
        %(options)s
        **trainer_options
            For :class:`lightning.pytorch.Trainer`.

        Returns
        -------
        None
            Adds `train_loss`, `train_accuracy`, `validation_loss`, `validation_accuracy`, `validation_macro_f1` to
            `history`.

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
        weights = class_weights(chosen.class_weights, split.codes[split.train], types)
        plan = FineTuningPlan(self.module, chosen, weights)
        stopping = chosen.trainer_options(validated=len(split.validation) > 0)
        data = split.loader(self.adata_manager, chosen.batch_size, **kwargs)
        self._fit(plan, data, chosen.max_epochs, accelerator, devices, **{**stopping, **trainer_options})
        self._record("train", chosen.to_dict())

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
        with torch.inference_mode():
            probabilities = self.module.type_logits(cells.to(self.device)).softmax(1).cpu().numpy()
        types = np.array(self._types(), dtype=object)
        if not soft:
            return types[probabilities.argmax(1)]
        return pd.DataFrame(probabilities, index=self._cell_names(adata, indices), columns=types)
