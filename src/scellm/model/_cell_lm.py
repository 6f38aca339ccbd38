"""CellLM, the model that users call on an AnnData."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, final

import numpy as np
from anndata import AnnData
from scvi import REGISTRY_KEYS
from scvi.utils import setup_anndata_dsp

from scellm._compat import device_of
from scellm._inputs import cell_positions, require_anndata
from scellm._labels import Labels
from scellm._logging import logger
from scellm._options import refuse_unknown
from scellm.data import Corpus, SourceOptions
from scellm.data._datamodule import PretrainingDataModule
from scellm.data._fields import GeneTokenField, LabelField, MalignancyField
from scellm.data._samplers import StepSampler
from scellm.data._sources import as_source
from scellm.data._views import name_of_view
from scellm.model._pretraining_views import pretraining_views
from scellm.model._token_model import Indices
from scellm.model._typed_model import TypedModel
from scellm.module import CellLMModule
from scellm.nn import Config
from scellm.train import PretrainingConfig
from scellm.train._pretraining_run import RunData, draw_seed, start_run
from scellm.train._processes import Processes
from scellm.train._trainer_options import split_options, with_options
from scellm.train.objectives._registry import make_heads

_SETUP = ("layer", "labels_key", "unlabeled_category", "malignancy_key")


def _check_columns(adata: AnnData, labels_key: str | None, unlabeled: Any, malignancy_key: str | None) -> None:
    """Raise for columns that cannot be read, and log the types."""
    for name, key in (("labels_key", labels_key), ("malignancy_key", malignancy_key)):
        if key is not None and key not in adata.obs:
            msg = (
                f"{name}={key!r} is not in adata.obs, which holds {list(adata.obs.columns)[:12]}. Pass one of these, "
                "or leave it out."
            )
            raise KeyError(msg)
    if malignancy_key is not None:
        Labels.of(adata.obs, malignancy_key, quiet=True)
    if labels_key is not None:
        logger.info(
            "setup_anndata: obs[%r] holds %s", labels_key, Labels.of(adata.obs, labels_key, unlabeled).describe()
        )


@final
class CellLM(TypedModel):
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
    >>> model = scellm.CellLM.from_pretrained("celllm-bag", adata)
    >>> adata.obsm["X_celllm"] = model.get_latent_representation()
    >>> model.train(max_epochs=1, enable_progress_bar=False, accelerator="cpu")
    >>> adata.obs["celllm_type"] = model.predict()
    """

    _module_cls = CellLMModule
    _not_pretrained = ("annotation_head.",)  # specific to the types of one data set

    def _make_module(self, config: Config) -> CellLMModule:
        return self._module_cls(config, len(self._types()), make_heads())

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
            As in Lightning. Several devices, or processes on CPUs, share the chunks of each step; the weights are those
            of one, up to rounding.
        config
            Options as an object; those given by name replace its fields.
        %(options)s
        **trainer_options
            For :class:`lightning.pytorch.Trainer`, such as `precision="bf16-mixed"`, and with several devices
            `strategy="ddp"` in a script, `strategy="ddp_notebook"` in Jupyter.

        Returns
        -------
        None
            Adds `pretrain_loss`, one row per step, and its parts to `history`.

        Raises
        ------
        TypeError
            If an option is not known; the message lists similar names.
        ValueError
            If a value is not allowed, there are no data, a view needs counts that do not exist, the checkpoint is of
            another run, or several processes have other data, options or seeds.
        FloatingPointError
            If a loss, a gradient or a weight is not finite; the message names the term.
        KeyboardInterrupt
            After Ctrl-C. What was learned until then is kept, and saved if there is a checkpoint. With
            `strategy="ddp_notebook"` only the checkpoint has it.
        """
        chosen, trainer_options = split_options(PretrainingConfig, config, options, "pretrain")
        seed = draw_seed(checkpoint)
        data: Any = self._own_manager() if corpus is None else corpus
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
            self._processes = Processes.launched() if devices != 1 else Processes()
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
                    self._forget_types()
                raise
        run.whiten(source.first, source.groups)
        self._record("pretrain", run.config.to_dict(), run.history())
        self._forget_types()

    def _source_options(self, config: PretrainingConfig, indices: Indices, seed: int) -> SourceOptions:
        return SourceOptions(
            binning=self.binning,
            indices=indices,
            views=pretraining_views(config),
            seed=seed,
            power=config.source_power,
            block=config.source_block,
            together=config.clusters,
        )
