"""CellLM: the door between AnnData and the encoder."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scvi import REGISTRY_KEYS
from scvi.model.base import BaseModelClass
from scvi.utils import setup_anndata_dsp

from scellm.data._corpus import Corpus
from scellm.data._fields import GeneTokenField, LabelField, OriginField
from scellm.data._manager import TokenDataManager
from scellm.data._prepared import binning_of
from scellm.data._views import View
from scellm.model._answers import AnswersMixin
from scellm.model._fine_tune import fine_tune
from scellm.model._gene_embeddings import read_gene_embeddings, set_gene_embeddings
from scellm.model._pretrain import pretrain
from scellm.model._pretrained import PretrainedMixin
from scellm.model._registry import report_in, summary, types_in
from scellm.model._var_names import quiet_about_var_names
from scellm.nn._config import make_config
from scellm.nn._module import CellLMModule
from scellm.pp import load_vocabulary


class CellLM(PretrainedMixin, AnswersMixin, BaseModelClass):
    """A language model of cells: a Performer over each cell's expressed genes (Zhao, Zhang and Nie 2023, arXiv:2306.04371).

    A cell is the set of its expressed genes, each with a bin of expression. The model turns it into a vector, learns from unlabelled
    cells by telling masked bins, tumour from normal, and a cell from all others, and from labelled cells their types.

    Parameters
    ----------
    adata
        Set up with :meth:`setup_anndata`.
    registry
        Of a model that was saved; used by :meth:`load`.
    size
        "mini" (128 wide, 4 blocks), "8m", "25m" or "50m" (512 wide, 10 blocks, as published).
    gene_embeddings
        What the gene table starts from: "string", the vectors that GraphMAE learned on STRING's protein network and that come with the
        package (the best of those measured: see the user guide); "random"; or a DataFrame of genes (any identifiers that
        :func:`scellm.pp.prepare` knows) by numbers, or a path to a `.csv`, `.tsv` or `.parquet` with one. A width other than `dim` is
        mapped to it by a layer that learns. Genes without a vector start random.
    train_genes
        Whether the gene table learns; if not, it stays as it starts in every stage.
    rescale_genes
        Bring each column of given vectors to mean 0 and variance 1, as the vectors of bins start.
    attention
        "favor" (linear in the number of genes), "softmax" (exact; on a CPU as fast up to about 1,000 genes) or "performer-pytorch"
        (the library, as a reference). All three share the parameters.
    dropout
        Probability of dropout; it also makes the two views of a cell that the contrastive objective compares.
    **overrides
        Other options of the shape: `dim`, `depth`, `heads`, `dim_head`, `ff_mult`, `n_features`, `pooling` ("sparse", the paper's;
        "expression"; "mean"; "cls"), `sketch`, `projector`; see :class:`scellm.nn.Config`.

    Raises
    ------
    ValueError
        If `adata` is missing or was not set up, or an option is not known.

    Examples
    --------
    >>> import scanpy as sc, scellm
    >>> adata = sc.datasets.pbmc68k_reduced()
    >>> scellm.pp.prepare(adata, panel=True)
    >>> scellm.CellLM.setup_anndata(adata, labels_key="bulk_labels")
    >>> model = scellm.CellLM(adata)
    >>> model.pretrain(max_epochs=5)
    >>> model.train(max_epochs=10)
    >>> adata.obsm["X_celllm"] = model.get_latent_representation()
    >>> adata.obs["celllm_type"] = model.predict()

    Notes
    -----
    A model reads any genes in any order: they are matched by name. What it computes for a cell depends on that cell alone.
    """

    _module_cls = CellLMModule

    def __init__(
        self,
        adata: AnnData | None = None,
        registry: dict | None = None,
        *,
        size: str = "mini",
        gene_embeddings: pd.DataFrame | str | PathLike = "string",
        train_genes: bool = True,
        rescale_genes: bool = True,
        attention: str = "favor",
        dropout: float = 0.1,
        **overrides: Any,
    ) -> None:
        if adata is None and registry is None:
            msg = "CellLM needs an AnnData: scellm.CellLM.setup_anndata(adata, labels_key=...), then scellm.CellLM(adata)."
            raise ValueError(msg)
        super().__init__(adata, registry)
        options = {
            "n_bins": binning_of(self._prepare_report()).n_bins,
            "attention": attention,
            "dropout": dropout,
            "train_genes": train_genes,
        }
        vectors = read_gene_embeddings(gene_embeddings)
        if vectors is not None:
            overrides = {"gene_dim": vectors.shape[1], **overrides}
        config = make_config(size, len(load_vocabulary()), **{**options, **overrides})
        self.module = self._module_cls(config, len(self._types()))
        if vectors is not None:
            set_gene_embeddings(self.module.encoder.embedding.gene, vectors, rescale=rescale_genes)
        gene_embeddings, vectors = "random", None  # a saved model holds the table itself
        self._model_summary_string = summary(size, self.module, self.registry_)
        self.init_params_ = self._get_init_params(locals())

    def _validate_anndata(self, adata: AnnData | None = None, *args: Any, **kwargs: Any) -> AnnData:
        """As scvi-tools does it, for a model that may have no data of its own."""
        if adata is None and self.adata is None:
            msg = "This model has no data of its own. Pass adata=..., or give it some: scellm.CellLM.from_pretrained(weights, adata)."
            raise ValueError(msg)
        return super()._validate_anndata(adata, *args, **kwargs)

    def _prepare_report(self) -> dict:
        return report_in(self.registry_)

    def _types(self) -> list[str]:
        """Names of the cell types, in the order of the head's scores."""
        return types_in(self.registry_)

    @classmethod
    @setup_anndata_dsp.dedent
    def setup_anndata(
        cls,
        adata: AnnData,
        *,
        layer: str | None = None,
        labels_key: str | None = None,
        unlabeled_category: str = "Unknown",
        origin_key: str | None = None,
        **kwargs: Any,
    ) -> None:
        """%(summary)s.

        Runs :func:`scellm.pp.prepare` first, and says so, if that was not done.

        Parameters
        ----------
        adata
            Cells by genes.
        layer
            Where the counts are; by default they are looked for.
        labels_key
            Column of `adata.obs` with the cell types to learn. Missing values count as unlabelled.
        unlabeled_category
            The word in that column for "not labelled".
        origin_key
            Column of `adata.obs` that says tumour or normal, in words such as "tumor", "cancer", "normal", "healthy".
        **kwargs
            Used when a saved model is loaded.

        Returns
        -------
        None
            Sets `adata.obs['_scvi_labels']`, `adata.obs['_scvi_origin']`, `adata.uns['_scvi_uuid']`,
            `adata.uns['_scvi_manager_uuid']`, and what :func:`scellm.pp.prepare` sets.

        Raises
        ------
        KeyError
            If a column is not there; `adata` is then as it was.
        """
        for name, key in (("labels_key", labels_key), ("origin_key", origin_key)):
            if key is not None and key not in adata.obs and "source_registry" not in kwargs:
                msg = f"{name}={key!r} is not in adata.obs, which holds {list(adata.obs.columns)[:12]}. Pass one of these, or leave it out."
                raise KeyError(msg)
        setup_method_args = cls._get_setup_method_args(**locals())
        fields = [GeneTokenField(layer)]
        if labels_key is not None:
            fields.append(LabelField(REGISTRY_KEYS.LABELS_KEY, labels_key, unlabeled_category))
        if origin_key is not None:
            fields.append(OriginField(origin_key))
        manager = TokenDataManager(fields=fields, setup_method_args=setup_method_args)
        manager.register_fields(adata, **kwargs)
        cls.register_manager(manager)

    def pretrain(
        self,
        *,
        max_epochs: int | None = None,
        max_steps: int | None = None,
        batch_size: int = 256,
        chunk_tokens: int | str = "auto",
        objectives: Sequence[str] = ("contrastive", "masked", "origin"),
        contrast: str | None = "divide-and-conquer",
        temperature: float = 0.05,
        mask_rate: float = 0.15,
        lr: float = 1e-4,
        view: str | View | tuple[str | View, str | View] = "identity",
        corpus: Corpus | str | PathLike | None = None,
        source_power: float = 0.5,
        source_block: int = 1,
        indices: Sequence[int] | np.ndarray | None = None,
        memory: int | str = "auto",
        checkpoint: str | PathLike | None = None,
        checkpoint_every: int = 100,
        accelerator: str = "auto",
        devices: int | list[int] | str = "auto",
        plan_kwargs: dict[str, Any] | None = None,
        **trainer_kwargs: Any,
    ) -> None:
        """Learn from unlabelled cells (paper, section 3.3).

        Each step takes one large batch. Its contrastive loss is over all pairs of cells; divide and conquer gives that loss's exact
        gradient in the memory of a few chunks. Losses are means over the whole batch, so the cut changes nothing.

        Parameters
        ----------
        max_epochs, max_steps
            How long; by default as many epochs as show the model 200,000 cells, at most 50. Steps win over epochs.
        batch_size
            Cells a step, each with all others as negatives (paper: 256 in the text, 512 in table F.1).
        chunk_tokens
            Tokens computed at once, or "auto".
        objectives
            Any of "contrastive", "masked", "origin". Origin needs `origin_key` in :meth:`setup_anndata` and is left out without it.
        contrast
            "divide-and-conquer"; "end-to-end", the same gradient with every graph in memory; "moco"; or `None` for no contrast.
        temperature
            Of the contrastive loss.
        mask_rate
            Share of a cell's genes whose bin is to be told.
        lr
            Highest learning rate of Adam; warm-up, then one cosine.
        view
            What each of the two views of a cell sees: "identity" (the paper's: dropout makes the difference), "thin" (molecules drawn
            anew at 20 to 70 percent of the depth), "subsample" (70 percent of the genes), a function from counts to counts, or a pair.
        corpus
            Cells of many files to learn from, in place of the model's own data: what :func:`scellm.data.build_corpus` gave, or its folder.
        source_power
            How often a source of the corpus is drawn: in proportion to its size to this power. 1 is by size, 0 every source alike.
        source_block
            Cells of one source of the corpus that follow each other. With 64, a batch of 512 holds cells of about eight sources: most cells
            that a cell is told from in the contrastive objective are then of other tissues, but many are of its own. 1 mixes all.
        indices
            Cells to learn from; by default all.
        memory
            Bytes of activations that may be kept between the two passes, or "auto" (2 GiB on a CPU, half of what is free on a GPU);
            0 keeps none. Moves no weight.
        checkpoint
            A file to save to every `checkpoint_every` steps; if it is there, the run goes on from it, to the same weights as if it had
            never stopped.
        checkpoint_every
            Steps.
        accelerator, devices
            As in Lightning; one device.
        plan_kwargs
            Other options of :class:`scellm.train.Recipe`, such as `masked_inputs`, `symmetric`, `weight_decay`, `clip`, `redraw_every`.
        **trainer_kwargs
            For :class:`lightning.pytorch.Trainer`, such as `precision="bf16-mixed"`.

        Returns
        -------
        None
            Adds `pretrain_loss`, one row a step, and its parts to :attr:`history`.

        Raises
        ------
        ValueError
            If an option is not known, there are no data, a view needs counts that are not there, or the checkpoint is another run's.
        FloatingPointError
            If a loss or gradient is not finite; the message names the term.
        """
        views = view if isinstance(view, tuple) else (view, view)
        options = {
            "objectives": tuple(objectives), "contrast": contrast, "temperature": temperature, "mask_rate": mask_rate, "lr": lr,
            **(plan_kwargs or {}),
        }  # fmt: skip
        pretrain(
            self, options, views, corpus=corpus, source_power=source_power, source_block=source_block, indices=indices, max_epochs=max_epochs, max_steps=max_steps, batch_size=batch_size,
            chunk_tokens=chunk_tokens, memory=memory, checkpoint=checkpoint, checkpoint_every=checkpoint_every,
            accelerator=accelerator, devices=devices, **trainer_kwargs,
        )  # fmt: skip

    def train(
        self,
        *,
        max_epochs: int = 10,
        tune: str = "last",
        batch_size: int = 32,
        lr: float = 1e-4,
        class_weights: str | dict[str, float] | None = None,
        indices: Sequence[int] | np.ndarray | None = None,
        validation_size: float = 0.1,
        early_stopping: bool = True,
        early_stopping_patience: int = 5,
        accelerator: str = "auto",
        devices: int | list[int] | str = "auto",
        datasplitter_kwargs: dict[str, Any] | None = None,
        plan_kwargs: dict[str, Any] | None = None,
        **trainer_kwargs: Any,
    ) -> None:
        """Learn cell types from the labelled cells.

        Parameters
        ----------
        max_epochs
            Passes over the labelled cells, at most.
        tune
            "head" (pooling and head), "last" (the last block and norm too, as published) or "full".
        batch_size
            Cells a step (paper, table F.1: 32).
        lr
            Learning rate of Adam (paper: 1e-4).
        class_weights
            `None`; "balanced"; "paper-code", the published code's squared share of the other types; or a weight for each type.
        indices
            Cells that may be used; by default all. Keep a test set out here: nothing outside is looked at.
        validation_size
            Share of the labelled cells, alike for every type, kept aside to stop on. 0 for none.
        early_stopping
            Stop when the validation loss has not fallen for `early_stopping_patience` epochs, and put the best weights back.
        early_stopping_patience
            Epochs.
        accelerator, devices
            As in Lightning.
        datasplitter_kwargs
            For :class:`scvi.dataloaders.DataSplitter`; `external_indexing=[train, validation, test]` sets the split by hand.
        plan_kwargs
            For :class:`scellm.train.FineTuningPlan`, such as `weight_decay`.
        **trainer_kwargs
            For :class:`lightning.pytorch.Trainer`.

        Returns
        -------
        None
            Adds `train_loss`, `train_accuracy`, `validation_loss`, `validation_accuracy`, `validation_macro_f1` to :attr:`history`.

        Raises
        ------
        ValueError
            If there are no labels, fewer than two types, or an option is not known.
        """
        fine_tune(
            self, max_epochs=max_epochs, tune=tune, batch_size=batch_size, lr=lr, class_weights=class_weights, indices=indices,
            validation_size=validation_size, early_stopping=early_stopping, patience=early_stopping_patience, accelerator=accelerator,
            devices=devices, datasplitter_kwargs=datasplitter_kwargs or {}, plan_kwargs=plan_kwargs or {}, **trainer_kwargs,
        )  # fmt: skip

    @classmethod
    def load(cls, *args: Any, **kwargs: Any) -> CellLM:
        """Load a saved model; see :meth:`scvi.model.base.BaseModelClass.load`. Other genes than the training data's are welcome."""
        with quiet_about_var_names():
            return super().load(*args, **kwargs)
