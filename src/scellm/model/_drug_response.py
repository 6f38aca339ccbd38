"""DrugResponse, the model of how cell lines respond to drugs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import pandas as pd
import torch
from anndata import AnnData
from scvi import settings
from scvi.data import AnnDataManager
from scvi.utils import setup_anndata_dsp

from scellm import _keys
from scellm._compat import device_of
from scellm._inputs import cell_positions, own_entries, require_anndata
from scellm._logging import logger
from scellm._options import checked, one_of, refuse_unknown
from scellm._random import seeded
from scellm.drug import Profiles, Responses, Route
from scellm.drug._profiles import UNITS
from scellm.model._drug_features import DrugFeatures
from scellm.model._learn_response import DrugScale, learn_response, tuned_parts
from scellm.model._line_features import LineFeatures
from scellm.model._profile_encoder import Encoder, profile_encoder
from scellm.model._profile_field import ProfileField
from scellm.model._response_answers import ResponseAnswers, line_names
from scellm.model._response_state import ResponseState
from scellm.module import DrugResponseModule
from scellm.train import ResponseConfig
from scellm.train._trainer_options import with_options

_SETUP = ("line_key", "units", "layer")


@final
class DrugResponse(ResponseAnswers):
    """How cell lines respond to drugs, learned from bulk profiles and applied to bulk, pseudobulk or cells.

    A response is the mean of the drug + the effect of the line + their interaction. Profiles of any unit are read by
    the ranks of their genes, each compared with the training lines, so that one map serves arrays, TPM and counts.
    Drugs that were never measured are read from their SMILES.

    Not for clinical use: predictions from cell lines do not say how a patient responds.

    Parameters
    ----------
    adata
        Profiles of cell lines, set up with :meth:`setup_anndata`.
    registry
        Registry of a saved model; used by :meth:`load`.
    responses
        One row a measurement, with columns `line`, `drug` and `value`; lower values are more sensitive.
    smiles
        SMILES, indexed by drug. Drugs that are one molecule are joined.
    value_kind
        What the values are: "ln_ic50" (ln uM, as in GDSC), "log10_ic50", "log10_molar", "pic50" or "auc".
    encoder
        What of a line is read: "expression", its genes' deviations from the training lines; the name, folder or URL of
        weights such as "celllm-mini", their embedding; "random", an encoder of the same shape with random weights; or a
        :class:`scellm.CellLM`. On unseen lines of GDSC, expression is better (user guide, "Drug response").
    drug_encoder
        How drugs are read: "morgan" (fingerprints), "graph" (the paper's graph network, which :meth:`train` learns) or
        "onehot" (by name only, without SMILES). With a solved head, an unseen drug is a mixture of similar known ones.
    **shape
        Shape of the encoder, used by :meth:`load`.

    Raises
    ------
    ValueError
        If `adata` was not set up, values do not fit `value_kind`, no line has a profile, a SMILES cannot be read, or a
        drug has none.
    KeyError
        If a column of `responses` does not exist.
    ImportError
        If RDKit is needed and not installed (`pip install 'scellm[drug]'`).

    Examples
    --------
    >>> scellm.DrugResponse.setup_anndata(lines, units="standardized")  # doctest: +SKIP
    >>> model = scellm.DrugResponse(lines, responses=pairs, smiles=smiles)  # doctest: +SKIP
    >>> model.train()  # doctest: +SKIP
    >>> model.predict(lines, relative=True)  # doctest: +SKIP
    """

    _module_cls = DrugResponseModule

    def __init__(
        self,
        adata: AnnData | None = None,
        registry: dict | None = None,
        *,
        responses: pd.DataFrame | None = None,
        smiles: pd.Series | None = None,
        value_kind: str = "ln_ic50",
        encoder: Encoder = "expression",
        drug_encoder: str = "morgan",
        **shape: Any,
    ) -> None:
        if adata is None and registry is None:
            msg = "DrugResponse needs profiles: DrugResponse.setup_anndata(lines), then DrugResponse(lines, ...)."
            raise ValueError(msg)
        super().__init__(adata, registry)
        DrugFeatures(drug_encoder, pd.Series(dtype=object))  # checks the name first
        self._pairs = responses.copy() if isinstance(responses, pd.DataFrame) else responses
        self._given_smiles, self._kind = smiles, value_kind
        self._drug_encoder = drug_encoder
        self.responses_: Responses | None = None
        if responses is not None:
            self.responses_ = self._responses(None)
            self._drug_features(self.responses_).require_smiles()
            logger.info("DrugResponse: %s", self.responses_.report)
        with seeded(settings.seed if settings.seed is not None else 0):
            self.module, self._encoder_name, self._shape = profile_encoder(encoder, shape)
        self.state_: ResponseState | None = None
        self.history_: dict[str, pd.DataFrame] | None = None
        self.configs_: dict[str, dict[str, Any]] = {}
        self._model_summary_string = self._summary()
        self.init_params_: dict[str, dict] = {"non_kwargs": {}, "kwargs": {}}

    def _summary(self) -> str:
        read = f"DrugResponse: reads {self._encoder_name} of lines, {self._drug_encoder} of drugs"
        if self.state_ is None:
            return f"{read}; not learned yet: run model.train()"
        state = self.state_
        return f"{read}; {len(state.drugs.smiles):,} drugs, {len(state.lines):,} lines, head {state.head!r}"

    @classmethod
    @setup_anndata_dsp.dedent
    def setup_anndata(
        cls,
        adata: AnnData,
        *,
        line_key: str | None = None,
        units: str = "auto",
        layer: str | None = None,
        **kwargs: Any,
    ) -> None:
        """%(summary)s.

        Parameters
        ----------
        adata
            Profiles by genes; one row a line.
        line_key
            Column of `adata.obs` with the names of the lines; by default `obs_names`.
        units
            "counts", "tpm", "log2_tpm1" (as DepMap has), "log1p", "standardized" (array data, each profile centred over
            its genes), or "auto", which refuses negative values. Ranks are the same in the first four.
        layer
            Layer with the profiles; by default `X`.
        **kwargs
            Used when a saved model is loaded.

        Returns
        -------
        None
            Sets `adata.uns['celllm']['profiles']`, `adata.uns['_scvi_uuid']` and `adata.uns['_scvi_manager_uuid']`.

        Raises
        ------
        KeyError
            If a column or layer does not exist.
        ValueError
            If names repeat, or values do not fit the unit; `adata` is not changed.
        TypeError
            If `adata` is no AnnData, or an option is not known.
        """
        setup_args = cls._get_setup_method_args(**locals())
        require_anndata(adata, "DrugResponse.setup_anndata")
        refuse_unknown(kwargs, _SETUP, "DrugResponse.setup_anndata")
        one_of("units", units, UNITS)
        names = line_names(adata, line_key)
        if not names.is_unique:
            msg = f"{names[names.duplicated()][0]!r} is the name of several profiles. Keep one row a line."
            raise ValueError(msg)
        ours = own_entries(adata, _keys.UNS)
        found = Profiles.of(adata, units, layer)
        manager = AnnDataManager(fields=[ProfileField(layer)], setup_method_args=setup_args)
        manager.register_fields(adata, **kwargs)
        cls.register_manager(manager)
        read = {"units": units, "read_as": found.units, "line_key": line_key or "", "layer": layer or ""}
        adata.uns[_keys.UNS] = {**ours, _keys.PROFILES: read}
        logger.info("setup_anndata: %d profiles in %s, %d genes known", adata.n_obs, found.units, len(found.genes))

    def _responses(self, indices: Sequence[int] | np.ndarray | None) -> Responses:
        """The responses, or those of some pairs."""
        if self._pairs is None:
            msg = (
                "This model has no responses to learn from. Make it with scellm.DrugResponse(lines, responses=pairs), "
                "where pairs has the columns line, drug and value."
            )
            raise RuntimeError(msg)
        pairs = self._pairs
        if indices is not None:
            if isinstance(indices, pd.Index | pd.Series) and not pairs.index.equals(pd.RangeIndex(len(pairs))):
                msg = "responses has an index of its own, and indices= takes positions: pass np.flatnonzero(mask)."
                raise ValueError(msg)
            pairs = pairs.iloc[cell_positions(indices, pd.Index(np.arange(len(pairs)).astype(str)))]
        lines = line_names(self.adata, self._setup("line_key"))
        return Responses.of(pairs, lines, smiles=self._given_smiles, kind=self._kind)

    def _drug_features(self, responses: Responses) -> DrugFeatures:
        return DrugFeatures(self._drug_encoder, responses.smiles, responses.synonyms)

    @with_options(ResponseConfig)
    def train(
        self,
        *,
        indices: Sequence[int] | np.ndarray | None = None,
        accelerator: str = "auto",
        config: ResponseConfig | None = None,
        **options: Any,
    ) -> None:
        """Learn from the responses; every line is encoded once, unless the encoder is tuned.

        Parameters
        ----------
        indices
            Rows of `responses` that may be used; by default all. Leave out a test set: lines with no row given are
            never used.
        accelerator
            As in Lightning; a solved head is solved on the CPU.
        config
            Options as an object; those given by name replace its fields.
        %(options)s
        **trainer_options
            There are none: the message lists similar names.

        Returns
        -------
        None
            Adds scores on lines that a head did not see to `history`: `validation_pearson`, `validation_rmse`,
            `validation_per_drug`, `validation_interaction` and `validation_per_line`; heads that are trained by steps
            also `train_loss` and `validation_loss`.

        Raises
        ------
        TypeError
            If an option is not known.
        ValueError
            If fewer than 10 lines have responses, there are more heads than half of them, or a value is not allowed.
        RuntimeError
            If the model has no responses: it was made without, or loaded.
        """
        given = {} if config is None else dict(vars(config))
        chosen = self._chosen(checked(ResponseConfig, {**given, **options}, "DrugResponse.train"))
        responses = self.responses_ if indices is None and self.responses_ is not None else self._responses(indices)
        table = responses.table
        if len(table) < 10:
            msg = f"{len(table)} lines have responses; expected at least 10 to learn from."
            raise ValueError(msg)
        if chosen.n_heads is not None and chosen.n_heads > len(table) // 2:
            msg = f"n_heads={chosen.n_heads} needs twice as many lines; {len(table)} have responses."
            raise ValueError(msg)
        drugs = self._drug_features(responses)
        profiles = self._profiles(self.adata)
        rows = line_names(self.adata, self._setup("line_key")).get_indexer(table.index)
        seed = settings.seed if settings.seed is not None else 0
        with seeded(seed):
            self.state_ = self._learn(profiles, rows, responses, drugs, chosen, accelerator)
        self.configs_ = {"train": chosen.to_dict()}
        self.is_trained_ = True
        self._model_summary_string = self._summary()

    def _chosen(self, config: ResponseConfig) -> ResponseConfig:
        """Options with the defaults that depend on the model."""
        head = config.head or ("additive" if self._drug_encoder == "graph" or config.tune != "head" else "solved")
        if head == "solved" and self._drug_encoder == "graph":
            msg = "A solved head has no graph network: pass drug_encoder='morgan', or head='additive'."
            raise ValueError(msg)
        if config.tune != "head":
            tuned_parts(self.module, config.tune)
        n_heads = config.n_heads or (5 if config.tune == "head" else 1)
        return ResponseConfig(**{**config.to_dict(), "head": head, "n_heads": n_heads})

    def _learn(
        self,
        profiles: Profiles,
        rows: np.ndarray,
        responses: Responses,
        drugs: DrugFeatures,
        config: ResponseConfig,
        accelerator: str,
    ) -> ResponseState:
        values = responses.table.to_numpy(np.float64)
        scale = DrugScale.of(values, per_drug=config.per_drug)
        device = self._device(accelerator, config)
        self.module.to(device)
        encoder = self.module.cell_encoder
        lines, x = LineFeatures.fit(Route.fit(profiles, rows), encoder, profiles, rows)
        features = None
        if config.tune != "head" and encoder is not None:
            tokens = lines.tokens(profiles.select(rows))
            features = lambda some: lines.scaled(encoder.embed(tokens.select(some.cpu())))
        learned = learn_response(self.module, x.to(device), values, drugs, scale, config, features)
        self.module.to("cpu")
        self.module.eval()
        self.history_ = learned.history
        state = ResponseState(
            lines=list(responses.table.index),
            drugs=drugs,
            scale=scale,
            features=lines,
            errors=learned.errors,
            head=str(config.head),
            kind=responses.kind,
        )
        x = x.cpu() if features is None else lines(profiles, rows)  # a tuned encoder gives others than before
        state.typical = float(self._of_known(state, x).std(0).mean())
        return state

    @staticmethod
    def _device(accelerator: str, config: ResponseConfig) -> torch.device:
        return torch.device("cpu") if config.head == "solved" else device_of(accelerator)
