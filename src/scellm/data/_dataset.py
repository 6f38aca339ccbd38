"""Rows of an AnnData as packed tokens, for the loaders of scvi-tools."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from scvi import REGISTRY_KEYS
from scvi.data import AnnDataManager, AnnTorchDataset

from scellm import _keys
from scellm.data._counts import Counts
from scellm.data._prepared import binning_of, counts_of, gene_ids, report_of
from scellm.data._random import draw_key
from scellm.data._views import View, identity
from scellm.pp._prepare import place_in
from scellm.pp._tokenize import Binning, Columns, select

Batch = dict[str, np.ndarray]


class TokenDataset(AnnTorchDataset):
    """Some rows of the binned layer as `gene`, `bin` and `offsets`, with `labels` and `origin` where they were registered.

    Nothing is ever dense: a batch costs its non-zeros.

    Parameters
    ----------
    manager
        Of an AnnData that has been set up.
    """

    def __init__(self, manager: AnnDataManager) -> None:
        super().__init__(manager)
        adata = manager.adata
        layer = adata.layers[_keys.BINS]
        self.bins = layer if sp.issparse(layer) and layer.format == "csr" else sp.csr_matrix(layer)
        self.gene_ids = gene_ids(adata)
        self.n_obs = adata.n_obs

    def __len__(self) -> int:
        return self.n_obs

    def __getitem__(self, rows: int | Sequence[int] | np.ndarray | slice) -> Batch:
        rows = np.arange(self.n_obs)[rows] if isinstance(rows, slice) else np.atleast_1d(np.asarray(rows))
        x = self.bins[rows]
        batch = pack(self.gene_ids[x.indices], x.data - np.uint8(1), x.indptr)
        return batch | self.columns(rows)

    def columns(self, rows: np.ndarray) -> Batch:
        """What is registered per cell: labels and origin, int64, (cells,); and the number of each row."""
        keys = [k for k in (REGISTRY_KEYS.LABELS_KEY, _keys.ORIGIN_KEY) if k in self.adata_manager.data_registry]
        columns = {k: np.asarray(self.data[k])[rows].reshape(-1).astype(np.int64) for k in keys}
        return columns | {"row": rows.astype(np.int64)}


class ViewDataset(TokenDataset):
    """Two views of each cell, drawn from its counts and then binned by the kernel that `prepare` uses.

    Indexed by `(step, rows)`, so that a draw depends on seed, step and cell only: not on the batch, the order or the worker.

    Parameters
    ----------
    manager
        Of an AnnData that has been set up.
    views
        One function for each of the two views.
    seed
        Of all draws.

    Raises
    ------
    ValueError
        If a view needs counts and there are none, or they changed since the data were prepared.
    """

    def __init__(self, manager: AnnDataManager, views: tuple[View, View] = (identity, identity), seed: int = 0) -> None:
        super().__init__(manager)
        self.views, self.seed = views, seed
        if any(view is not identity for view in views):
            self._open_counts()

    def _open_counts(self) -> None:
        adata = self.adata_manager.adata
        self.expression = counts_of(adata)
        self.binning = binning_of(report_of(adata))
        place = place_in(adata, self.expression)
        ids = np.where(place >= 0, self.gene_ids[place], -1)
        self.columns_of, self.column_ids = Columns.of(ids, place >= 0), ids
        rows = np.arange(min(self.n_obs, 64))
        now, layer = tokens_of(self.counts(rows), self.binning), TokenDataset.__getitem__(self, rows)
        if any(not np.array_equal(now[k], layer[k]) for k in now):
            msg = "The counts changed since scellm.pp.prepare read them: binned anew, the first cells differ. Run scellm.pp.prepare(adata) again."
            raise ValueError(msg)

    def counts(self, rows: np.ndarray) -> Counts:
        """The counts of some cells."""
        counts, totals = self.expression.linear(self.expression.matrix.rows(rows))
        column, value, offsets = select(counts, self.columns_of)
        return Counts(self.column_ids[column], value, offsets, totals, rows)

    def whole(self, rows: np.ndarray) -> Batch:
        """Tokens of some cells as they are."""
        return super().__getitem__(rows)

    def __getitem__(self, draw: tuple[int, np.ndarray]) -> Batch:  # type: ignore[override]
        step, rows = draw
        if all(view is identity for view in self.views):
            return super().__getitem__(rows)
        return draw_views(self.counts(rows), self.views, self.binning, self.seed, step) | self.columns(rows)


def draw_views(counts: Counts, views: tuple[View, View], binning: Binning, seed: int, step: int) -> Batch:
    """Two views of each cell as tokens; the second has the suffix "_b", and is left out where both are the cell as it is."""
    if all(view is identity for view in views):
        return tokens_of(counts, binning)
    first, second = (tokens_of(view(counts, draw_key(seed, step, i)), binning) for i, view in enumerate(views))
    return first | {f"{k}_b": v for k, v in second.items()}


def tokens_of(counts: Counts, binning: Binning) -> Batch:
    """Counts to tokens."""
    return pack(counts.gene, binning.bins(counts.count, counts.total, counts.offsets), counts.offsets)


def pack(gene: np.ndarray, bins: np.ndarray, offsets: np.ndarray) -> Batch:
    """Arrays as the flat dictionary that loaders move between processes and devices; all int64."""
    return {"gene": gene.astype(np.int64), "bin": bins.astype(np.int64), "offsets": offsets.astype(np.int64)}
