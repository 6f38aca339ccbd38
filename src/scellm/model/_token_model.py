"""The base class of models over tokens."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from scvi import REGISTRY_KEYS
from scvi.data import AnnDataManager
from scvi.data.fields import BaseAnnDataField
from scvi.module.base import BaseModuleClass
from torch import Tensor
from tqdm.auto import tqdm

from scellm._inputs import cell_positions, require_anndata
from scellm._random import seeded
from scellm._threads import calm_threads
from scellm._tokens import Tokens
from scellm.data._fields import GeneTokenField
from scellm.data._manager import TokenDataManager
from scellm.genes import load_vocabulary, read_gene_embeddings
from scellm.genes._vectors import vocabulary_rows
from scellm.model._encodings import Encodings
from scellm.model._saving import SavedModel
from scellm.module import CellEncoder
from scellm.nn import Config, make_config
from scellm.pp import Binning, PrepareReport
from scellm.train._fit import fit

_BATCH = 512  # cells read at once: enough to form chunks of similar length
_PROBE, _SILENT = 64, 2.0  # cells on which the speed is measured, and seconds of work without a bar

Indices = Sequence[int] | np.ndarray | None


class TokenModel(SavedModel):
    """Base class of models over the tokens of cells: set-up, embeddings of cells and genes, weights.

    A subclass adds its predictions. It registers its fields in `setup_anndata`, and makes its module in `_make_module`.
    The module has a :class:`scellm.module.CellEncoder` as `cell_encoder`, and a method `embed`.

    Parameters
    ----------
    adata
        Set up with `setup_anndata`.
    registry
        Registry of a saved model; used by `load`.
    size, gene_embeddings, train_genes, rescale_genes, attention, dropout, **overrides
        As for :class:`scellm.CellLM`.

    Raises
    ------
    ValueError
        If `adata` is missing or was not set up, or an option is out of its range.
    TypeError
        If an option is not known.
    """

    history_: dict[str, pd.DataFrame] | None

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
            name = type(self).__name__
            msg = f"{name} needs an AnnData: {name}.setup_anndata(adata, ...), then {name}(adata)."
            raise ValueError(msg)
        super().__init__(adata, registry)
        options = {
            "n_bins": self.binning.n_bins,
            "attention": attention,
            "dropout": dropout,
            "train_genes": train_genes,
        }
        table = read_gene_embeddings(gene_embeddings)
        gene_dim = {} if table is None else {"gene_dim": table.shape[1]}
        config = make_config(size, len(load_vocabulary()), **{**options, **gene_dim, **overrides})
        self.module = self._make_module(config)
        if table is not None:
            gene_table = self._encoder.encoder.embedding.gene
            gene_table.load_vectors(*vocabulary_rows(table), rescale=rescale_genes)
        self._size, self.configs_, self._encodings = size, {}, Encodings()
        self._model_summary_string = self._summary()
        # A saved model holds its gene table, so it is loaded with a random one, which is then overwritten.
        shape = {k: v for k, v in self._init_options().items() if k not in {"size", "gene_embeddings"}}
        self.init_params_ = {"non_kwargs": {"size": size, "gene_embeddings": "random"}, "kwargs": {"overrides": shape}}

    @abstractmethod
    def _make_module(self, config: Config) -> BaseModuleClass:
        """Make the module, with a `cell_encoder` and a method `embed`."""

    @property
    def _encoder(self) -> CellEncoder:
        return self.module.cell_encoder

    def _init_options(self) -> dict[str, Any]:
        """Arguments that give a model of the same shape; the gene table comes with the weights."""
        config = self._encoder.config.to_dict()
        del config["n_genes"]
        return {"size": self._size, "gene_embeddings": "random", **config}

    def _summary(self) -> str:
        """One sentence, for `repr`."""
        config, n = self._encoder.config, sum(p.numel() for p in self._encoder.encoder.parameters())
        known = f"{self._prepare_report().genes_matched:,}"
        return (
            f"{type(self).__name__} ({self._size}): {n:,} parameters in the encoder, {config.depth} blocks of width "
            f"{config.dim}, {config.heads} heads of {config.dim_head}, attention {config.attention!r}, dropout "
            f"{config.dropout:g}; {len(load_vocabulary()):,} genes in the vocabulary, {known} of them in the data"
        )

    def _prepare_report(self) -> PrepareReport:
        field = self.registry_["field_registries"][REGISTRY_KEYS.X_KEY]
        return PrepareReport.from_uns(field["state_registry"][GeneTokenField.REPORT_KEY])

    @property
    def binning(self) -> Binning:
        """The bins of the data that the model was made for."""
        return self._prepare_report().binning

    @classmethod
    def _register(
        cls, adata: AnnData, fields: Sequence[BaseAnnDataField], setup_args: dict[str, Any], **kwargs: Any
    ) -> None:
        """Register fields with scvi-tools; for `setup_anndata` of a subclass.

        Parameters
        ----------
        adata
            Cells by genes.
        fields
            The fields; a :class:`GeneTokenField` comes first.
        setup_args
            Arguments of `setup_anndata`, for `load`.
        **kwargs
            Arguments that `load` passes.
        """
        manager = TokenDataManager(fields=list(fields), setup_method_args=setup_args)
        manager.register_fields(adata, **kwargs)
        cls.register_manager(manager)

    def _validate_anndata(self, adata: AnnData | None = None, *args: Any, **kwargs: Any) -> AnnData:
        """Validate as scvi-tools does; the model may have no data of its own."""
        if adata is None and self.adata is None:
            msg = (
                "This model has no data of its own. Pass adata=..., or make it with data: "
                f"scellm.{type(self).__name__}.from_pretrained(weights, adata)."
            )
            raise ValueError(msg)
        if adata is not None:
            require_anndata(adata, type(self).__name__)
            if not adata.n_obs:
                msg = "adata holds no cells (n_obs is 0). Check the filter that made it."
                raise ValueError(msg)
        known = set() if adata is None else set(adata.uns)
        try:
            return super()._validate_anndata(adata, *args, **kwargs)
        except BaseException:
            if adata is not None:
                for key in [k for k in adata.uns if k.startswith("_scvi") and k not in known]:
                    del adata.uns[key]  # data that were refused stay as they were
            raise

    def _own_manager(self) -> AnnDataManager:
        """The manager of the model's own data; raises ValueError if it has none."""
        self._validate_anndata()
        return self.adata_manager

    def _types(self) -> list[str]:
        """Names of the cell types; a model without an annotation head has none."""
        return []

    def _fit(
        self, plan: Any, data: Any, max_epochs: int, accelerator: str, devices: Any, **trainer_options: Any
    ) -> None:
        """Train with Lightning; keeps the history of every stage, and which process this was."""
        fit(self, plan, data, max_epochs, accelerator, devices, **trainer_options)
        self._processes = plan.processes

    def _record(self, stage: str, config: dict[str, Any], history: dict[str, pd.DataFrame] | None = None) -> None:
        """Keep the options of a stage, and its history."""
        self.configs_ = {**self.configs_, stage: config}
        self.history_ = (self.history_ or {}) | (history or {})
        self.is_trained_ = True

    def get_latent_representation(
        self, adata: AnnData | None = None, *, indices: Indices = None, batch_size: int | None = None
    ) -> np.ndarray:
        """Cell embeddings, pooled over gene tokens (paper, appendix F).

        Parameters
        ----------
        adata
            Cells; by default those of the model. Other data are prepared with the model's bins, and genes are matched
            by name.
        indices
            Cells to embed, in any order: positions, a mask of booleans, or names; by default all.
        batch_size
            Cells read at once; affects the speed, not the result.

        Returns
        -------
        numpy.ndarray
            float32, (n, d), in the order of `indices`. The number of dimensions d is `model.module.config.cell_dim`:
            `dim`, plus `hashed_dim` with pooling="expression" (`celllm-bag`: 2,048). After `train`, the embeddings are
            those of the fine-tuned model.
        """
        self._check_if_trained(warn=True, message=self._untrained())
        return self._embed(adata, indices, batch_size).numpy()

    def _untrained(self) -> str:
        name = type(self).__name__
        return (
            f"This {name} has random weights: its embeddings have little meaning. Run model.pretrain(), or start from "
            f"{name}.from_pretrained('celllm-bag', adata)."
        )

    def _embed(self, adata: AnnData | None, indices: Indices, batch_size: int | None) -> Tensor:
        """Cell embeddings, float32, (cells, cell_dim)."""
        adata = self._validate_anndata(adata)
        rows = cell_positions(indices, adata.obs_names)
        if not len(rows):
            return torch.zeros(0, self._encoder.config.cell_dim)
        encode = lambda some: self._encode(adata, some, batch_size)
        return self._encodings.get(self._encoder, adata, rows, self._encoder.config.cell_dim, encode)

    def _encode(self, adata: AnnData, rows: np.ndarray, batch_size: int | None) -> Tensor:
        """Encode cells; a bar is shown from about two seconds of work on."""
        self.module.eval()
        found, done = torch.empty(len(rows), self._encoder.config.cell_dim), 0
        start = time.perf_counter()
        with calm_threads(), seeded(), torch.inference_mode(), tqdm(total=len(rows), disable=True) as quiet:
            bar = quiet
            for some in (rows[:_PROBE], rows[_PROBE:]):
                for batch in self._loader(adata, some, batch_size):
                    cells = self.module.embed(Tokens.of(batch)).float().cpu()
                    found[done : done + len(cells)] = cells
                    done += len(cells)
                    bar.update(len(cells))
                if done < len(rows) and time.perf_counter() - start > _SILENT * done / len(rows):
                    bar = tqdm(total=len(rows), initial=done, desc="embedding cells", unit="cell", leave=False)
            bar.close()
        return found

    def _loader(self, adata: AnnData, rows: np.ndarray, batch_size: int | None) -> Any:
        return self._make_data_loader(adata=adata, indices=rows, batch_size=batch_size or _BATCH) if len(rows) else ()

    def _cell_names(self, adata: AnnData | None, indices: Indices) -> pd.Index:
        names = self._validate_anndata(adata).obs_names
        return names[cell_positions(indices, names)]

    @torch.no_grad()
    def get_gene_embeddings(self) -> pd.DataFrame:
        """The current rows of the gene embedding table; of a model without attention blocks, those of the pooling.

        Without blocks, cells are pooled from the vectors of the pooling, and the table of the encoder has learned next
        to nothing.

        Returns
        -------
        pandas.DataFrame
            float32, (genes of the vocabulary, dim), indexed by symbol.
        """
        symbols = load_vocabulary().symbols
        pooled = self._encoder.pooling.gene_vectors if self._encoder.config.depth == 0 else None
        table = self._encoder.encoder.embedding.gene.vectors() if pooled is None else pooled
        return pd.DataFrame(table[: len(symbols)].cpu().numpy(), index=symbols)
