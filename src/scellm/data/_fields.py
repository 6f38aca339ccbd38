"""Fields of an AnnData that scellm registers with scvi-tools: tokens, labels, malignancy."""

from __future__ import annotations

from typing import Any

import numpy as np
import rich.pretty  # noqa: F401  scvi-tools' view_anndata_setup uses it without importing it
from anndata import AnnData
from natsort import natsorted
from rich.table import Table
from scvi import REGISTRY_KEYS
from scvi.data.fields import LabelsWithUnlabeledObsField, LayerField

from scellm import _keys
from scellm._compat import layer_names
from scellm._labels import NO_LABEL, Labels
from scellm.data._malignancy import UNKNOWN, malignancy_codes
from scellm.data._prepared import ensure_prepared, is_prepared, require_report
from scellm.pp import PrepareReport


class GeneTokenField(LayerField):
    """The binned layer; its genes are matched by name, so a query may have other genes in any order.

    Parameters
    ----------
    layer
        Layer with the counts, if the user named one; read only if the data were not prepared.
    """

    REPORT_KEY = "prepare"

    def __init__(self, layer: str | None = None) -> None:
        super().__init__(REGISTRY_KEYS.X_KEY, _keys.BINS, is_count_data=False, correct_data_format=False)
        self._counts_layer = layer

    def validate_field(self, adata: AnnData) -> None:
        """Raise if the layer was removed."""
        if not is_prepared(adata):
            msg = (
                f"adata was set up, but adata.layers[{_keys.BINS!r}], adata.var[{_keys.GENE!r}] or "
                f"adata.uns[{_keys.UNS!r}] was removed since. Run scellm.pp.prepare(adata)."
            )
            raise ValueError(msg)

    def register_field(self, adata: AnnData) -> dict:
        """Prepare the data if needed, and record the report."""
        ensure_prepared(adata, self._counts_layer)
        return super().register_field(adata) | {self.REPORT_KEY: require_report(adata).to_uns()}

    def transfer_field(self, state_registry: dict, adata_target: AnnData, **kwargs: Any) -> dict:
        """Set up a query with the bins of the training data; its genes may differ."""
        like = PrepareReport.from_uns(state_registry[self.REPORT_KEY]).binning
        layer = self._counts_layer
        if layer is not None and layer not in layer_names(adata_target):
            layer = None  # the query keeps its counts elsewhere: look for them
        ensure_prepared(adata_target, layer, like)
        return self.register_field(adata_target)

    def view_state_registry(self, state_registry: dict) -> Table | None:
        """How the genes matched, for `model.view_anndata_setup()`."""
        report = PrepareReport.from_uns(state_registry[self.REPORT_KEY])
        table = Table(title="Genes")
        for column in ("read from", "taken for", "genes", "known", "counts kept"):
            table.add_column(column, justify="center")
        known, share = f"{report.genes_matched:,}", f"{report.counts_kept:.1%}"
        table.add_row(f"adata.{report.matrix}", report.taken_for, f"{report.genes:,}", known, share)
        return table


class LabelField(LabelsWithUnlabeledObsField):
    """Cell types, by the rule of :class:`scellm._labels.Labels`; in a query, unseen types count as unlabelled.

    The user's columns are not changed.

    Parameters
    ----------
    registry_key, obs_key
        Key in the registry, and column of `obs`; a query may lack it.
    unlabeled_category
        Further word or number for "unlabelled"; `None` for none.
    """

    def __init__(self, registry_key: str, obs_key: str | None, unlabeled_category: Any) -> None:
        name = next(iter(Labels.text_of(unlabeled_category)), "Unknown")
        super().__init__(registry_key, obs_key, name)

    def register_field(self, adata: AnnData) -> dict:
        """Number the types in natural order, the unlabelled category last."""
        labels = self._labels(adata)
        types = natsorted(set(labels) - {NO_LABEL})
        return self._write(adata, labels, np.array([*types, self._unlabeled_category], dtype=object))

    def transfer_field(self, state_registry: dict, adata_target: AnnData, **kwargs: Any) -> dict:
        """Number the types of a query as in the training data."""
        mapping = np.asarray(state_registry[self.CATEGORICAL_MAPPING_KEY], dtype=object)
        return self._write(adata_target, self._labels(adata_target), mapping)

    def validate_field(self, adata: AnnData) -> None:
        """The column was checked when it was read; a query may lack it."""

    def _labels(self, adata: AnnData) -> np.ndarray:
        if self._original_attr_key not in adata.obs:
            return np.full(adata.n_obs, NO_LABEL, dtype=object)
        return Labels.of(adata.obs, self._original_attr_key, self._unlabeled_category, quiet=True).names

    def _write(self, adata: AnnData, labels: np.ndarray, mapping: np.ndarray) -> dict:
        code = {name: i for i, name in enumerate(mapping[:-1])}
        adata.obs[self.attr_key] = np.array([code.get(name, len(mapping) - 1) for name in labels], np.int64)
        return {
            self.CATEGORICAL_MAPPING_KEY: mapping,
            self.ORIGINAL_ATTR_KEY: self._original_attr_key,
            self.UNLABELED_CATEGORY: self._unlabeled_category,
        }


class MalignancyField(LabelField):
    """Tumour (1) or normal (0); all other values, and a missing column, are -1 and ignored by the objective.

    Parameters
    ----------
    obs_key
        Column of `obs` with words such as "tumor", "tumour", "cancer", "malignant", "normal", "healthy".
    """

    def __init__(self, obs_key: str | None) -> None:
        super().__init__(_keys.MALIGNANCY_KEY, obs_key, "unknown")

    def register_field(self, adata: AnnData) -> dict:
        """Convert the words to codes."""
        there = self._original_attr_key in adata.obs
        adata.obs[self.attr_key] = malignancy_codes(adata.obs, self._original_attr_key) if there else UNKNOWN
        return {
            self.CATEGORICAL_MAPPING_KEY: np.array(["normal", "tumor"], dtype=object),
            self.ORIGINAL_ATTR_KEY: self._original_attr_key,
            self.UNLABELED_CATEGORY: self._unlabeled_category,
        }

    def transfer_field(self, state_registry: dict, adata_target: AnnData, **kwargs: Any) -> dict:
        """The words mean the same in every data set."""
        return self.register_field(adata_target)
