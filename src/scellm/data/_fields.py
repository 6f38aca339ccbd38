"""What scellm registers of an AnnData with scvi-tools: tokens, labels, origin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import rich.pretty  # noqa: F401  scvi-tools' view_anndata_setup uses it without importing it
from anndata import AnnData
from natsort import natsorted
from rich.table import Table
from scvi import REGISTRY_KEYS
from scvi.data.fields import LabelsWithUnlabeledObsField, LayerField

from scellm import _keys
from scellm.data._prepared import BINNING, ensure_prepared, is_prepared, report_of

NORMAL, TUMOR = 0, 1
ORIGIN_WORDS = {
    "normal": NORMAL,
    "healthy": NORMAL,
    "tumor": TUMOR,
    "tumour": TUMOR,
    "cancer": TUMOR,
    "malignant": TUMOR,
}


class GeneTokenField(LayerField):
    """The binned layer, whose genes are matched by name: any genes in any order.

    Parameters
    ----------
    layer
        Where the user said the counts are; read only when the data were not prepared.
    """

    REPORT_KEY = "prepare"

    def __init__(self, layer: str | None = None) -> None:
        super().__init__(REGISTRY_KEYS.X_KEY, _keys.BINS, is_count_data=False, correct_data_format=False)
        self._counts_layer = layer

    def validate_field(self, adata: AnnData) -> None:
        """Raise if the layer is gone."""
        if not is_prepared(adata):
            msg = (
                f"adata was set up, but adata.layers[{_keys.BINS!r}], adata.var[{_keys.GENE!r}] or adata.uns[{_keys.UNS!r}] is gone since. "
                "Run scellm.pp.prepare(adata)."
            )
            raise ValueError(msg)

    def register_field(self, adata: AnnData) -> dict:
        """Prepare the data unless that was done, and remember how."""
        ensure_prepared(adata, self._counts_layer)
        return super().register_field(adata) | {self.REPORT_KEY: report_of(adata)}

    def transfer_field(self, state_registry: dict, adata_target: AnnData, **kwargs: Any) -> dict:
        """Set up a query with the bins of the data the model learned from; its genes may be others."""
        like = {k: state_registry[self.REPORT_KEY][k] for k in BINNING}
        layer = self._counts_layer
        if layer is not None and layer not in adata_target.layers:
            layer = None  # the query keeps its counts elsewhere: look for them
        ensure_prepared(adata_target, layer, like)
        return self.register_field(adata_target)

    def view_state_registry(self, state_registry: dict) -> Table | None:
        """How the genes matched, for `model.view_anndata_setup()`."""
        report = state_registry[self.REPORT_KEY]
        table = Table(title="Genes")
        for column in ("read from", "taken for", "genes", "known", "counts kept"):
            table.add_column(column, justify="center")
        known, share = f"{report['genes_matched']:,}", f"{report['counts_kept']:.1%}"
        table.add_row(f"adata.{report['matrix']}", report["taken_for"], f"{report['genes']:,}", known, share)
        return table


class LabelField(LabelsWithUnlabeledObsField):
    """Cell types. Missing values are unlabelled; in a query so are a missing column and unseen types; no column is changed."""

    def register_field(self, adata: AnnData) -> dict:
        """Number the types in natural order, the unlabelled category last."""
        labels = self._labels(adata)
        types = natsorted(set(labels) - {self._unlabeled_category})
        return self._write(adata, labels, np.array([*types, self._unlabeled_category], dtype=object))

    def transfer_field(self, state_registry: dict, adata_target: AnnData, **kwargs: Any) -> dict:
        """Number the types of a query as those of the training data are."""
        return self._write(
            adata_target,
            self._labels(adata_target),
            np.asarray(state_registry[self.CATEGORICAL_MAPPING_KEY], dtype=object),
        )

    def validate_field(self, adata: AnnData) -> None:
        """The column was checked when it was read; a query may lack it."""

    def _labels(self, adata: AnnData) -> pd.Series:
        if self._original_attr_key not in adata.obs:
            return pd.Series(self._unlabeled_category, index=adata.obs_names, dtype=object)
        column = adata.obs[self._original_attr_key]
        return column.astype(object).where(column.notna(), self._unlabeled_category).astype(str)

    def _write(self, adata: AnnData, labels: pd.Series, mapping: np.ndarray) -> dict:
        codes = pd.Index(mapping).get_indexer(labels)
        adata.obs[self.attr_key] = np.where(codes < 0, len(mapping) - 1, codes)
        return {
            self.CATEGORICAL_MAPPING_KEY: mapping,
            self.ORIGINAL_ATTR_KEY: self._original_attr_key,
            self.UNLABELED_CATEGORY: self._unlabeled_category,
        }


class OriginField(LabelField):
    """Tumour (1) or normal (0); anything else, and a missing column, is -1 and takes no part in the origin objective.

    Parameters
    ----------
    obs_key
        Column of `obs` with words such as "tumor", "tumour", "cancer", "malignant", "normal", "healthy".
    """

    def __init__(self, obs_key: str | None) -> None:
        super().__init__(_keys.ORIGIN_KEY, obs_key, "unknown")

    def register_field(self, adata: AnnData) -> dict:
        """Read the words."""
        codes = self._labels(adata).str.strip().str.lower().map(ORIGIN_WORDS)
        adata.obs[self.attr_key] = codes.fillna(-1).astype(np.int64)
        return {
            self.CATEGORICAL_MAPPING_KEY: np.array(["normal", "tumor"], dtype=object),
            self.ORIGINAL_ATTR_KEY: self._original_attr_key,
            self.UNLABELED_CATEGORY: self._unlabeled_category,
        }

    def transfer_field(self, state_registry: dict, adata_target: AnnData, **kwargs: Any) -> dict:
        """The words mean the same in every data set."""
        return self.register_field(adata_target)
