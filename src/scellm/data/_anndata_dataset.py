"""Cells of an AnnData as packed tokens, for the loaders of scvi-tools."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scvi import REGISTRY_KEYS
from scvi.data import AnnDataManager, AnnTorchDataset

from scellm.data._batch import Batch, draw_views, pack
from scellm.data._prepared import PreparedCounts, stored_bins
from scellm.data._view import View, identity
from scellm.pp._growing import let_go


class TokenDataset(AnnTorchDataset):
    """Rows of the binned layer as `gene`, `bin` and `offsets`, with every other registered field.

    No array is dense in genes: the cost of a batch is proportional to its non-zeros.

    Parameters
    ----------
    manager
        Manager of an AnnData that has been set up.
    """

    def __init__(self, manager: AnnDataManager) -> None:
        super().__init__(manager)
        adata = manager.adata
        self.bins, self.gene_ids = stored_bins(adata)
        self.n_obs = adata.n_obs

    def __len__(self) -> int:
        return self.n_obs

    def __getitem__(self, rows: int | Sequence[int] | np.ndarray | slice) -> Batch:
        rows = np.arange(self.n_obs)[rows] if isinstance(rows, slice) else np.atleast_1d(np.asarray(rows))
        x = self.bins[rows]
        let_go(self.bins.data, self.bins.indices)
        batch = pack(self.gene_ids[x.indices], x.data - np.uint8(1), x.indptr)
        return batch | self.columns(rows)

    def columns(self, rows: np.ndarray) -> Batch:
        """Registered columns, (cells,): int64 for codes, float32 for numbers; and the index of each cell."""
        keys = [k for k in self.adata_manager.data_registry if k != REGISTRY_KEYS.X_KEY]
        columns = {k: _plain(np.asarray(self.data[k])[rows].reshape(-1)) for k in keys}
        return columns | {"row": rows.astype(np.int64)}


def _plain(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32 if np.issubdtype(values.dtype, np.floating) else np.int64)


class ViewDataset(TokenDataset):
    """Two views of each cell, drawn from its counts and then binned as `prepare` does.

    Indexed by `(step, rows)`: a draw depends only on seed, step and cell, not on batch, order or worker.

    Parameters
    ----------
    manager
        Manager of an AnnData that has been set up.
    views
        One function for each of the two views.
    seed
        Seed of all draws.

    Raises
    ------
    ValueError
        If a view needs counts and there are none, or they changed since the data were prepared.
    """

    def __init__(self, manager: AnnDataManager, views: tuple[View, View] = (identity, identity), seed: int = 0) -> None:
        super().__init__(manager)
        self.views, self.seed = views, seed
        self.groups: dict[str, np.ndarray] = {}  # numbers of source and cluster of each cell, if they are needed
        self.needs_counts = any(view is not identity for view in views)
        if self.needs_counts:
            self.counts = PreparedCounts.of(manager.adata)
            _check_exact(self.counts)

    def whole(self, rows: np.ndarray) -> Batch:
        """Tokens of some cells, unchanged by any view."""
        return super().__getitem__(rows)

    def __getitem__(self, draw: tuple[int, np.ndarray]) -> Batch:  # type: ignore[override]  # drawn by step, see above
        step, rows = draw
        groups = {k: v[rows] for k, v in self.groups.items()}
        if not self.needs_counts:
            return super().__getitem__(rows) | groups
        drawn = draw_views(self.counts.rows(rows), self.views, self.counts.binning, self.seed, step)
        return drawn | self.columns(rows) | groups


def _check_exact(counts: PreparedCounts) -> None:
    detected, matrix = counts.expression.detected, counts.expression.matrix
    if not detected.exact:
        msg = f"A view needs whole counts; adata.{matrix.name} holds {detected.kind}. Pretrain with view='identity'."
        raise ValueError(msg)
