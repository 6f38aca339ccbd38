"""The cells of an AnnData as a source."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Self

import numpy as np
from scvi.data import AnnDataManager

from scellm import _keys
from scellm.data._anndata_dataset import ViewDataset
from scellm.data._batch import Batch
from scellm.data._malignancy import both_classes
from scellm.data._prepared import PreparedCounts, fingerprint_of_cells
from scellm.data._pseudo_clusters import pseudo_clusters
from scellm.data._samplers import RandomSampler, RowOrder
from scellm.data._source import CellSource, SourceOptions
from scellm.data._source_balanced_sampler import SourceBalancedSampler
from scellm.genes import load_vocabulary

_BLOCK = 4096  # cells whose counts are read at once


class AnnDataSource(CellSource):
    """The cells of an AnnData that has been set up.

    Parameters
    ----------
    manager
        Manager of the AnnData.
    options
        Options for drawing cells.
    """

    dataset: ViewDataset

    def __init__(self, manager: AnnDataManager, options: SourceOptions) -> None:
        self.manager = manager
        rows = options.rows(manager.adata.n_obs)
        self.order: RowOrder = RandomSampler(rows)
        self.dataset = ViewDataset(manager, options.views, options.seed)
        self.cluster = None
        if options.together:
            self.cluster = self._clusters(rows)
            one = np.zeros(len(rows), int)
            self.order = SourceBalancedSampler(
                rows, one, 1.0, options.block, cluster=self.cluster[rows], together=options.together
            )
            self.dataset.groups = {_keys.SOURCE_KEY: np.zeros_like(self.cluster), _keys.CLUSTER_KEY: self.cluster}

    @classmethod
    def accepts(cls, data: Any) -> bool:
        """Whether `data` is a manager of scvi-tools."""
        return isinstance(data, AnnDataManager)

    @classmethod
    def of(cls, data: Any, options: SourceOptions) -> Self:
        """Open the AnnData as a source."""
        return cls(data, options)

    def _clusters(self, rows: np.ndarray) -> np.ndarray:
        """Cluster of each cell that may be drawn, -1 for others; int64, (n_obs,)."""
        rows, counts = np.sort(rows), PreparedCounts.of(self.manager.adata)
        cluster = np.full(self.manager.adata.n_obs, -1)
        read = lambda some: counts.rows(rows[some])
        cluster[rows] = pseudo_clusters(read, len(rows), len(load_vocabulary()))
        return cluster

    def groups(self, n: int, seed: int) -> np.ndarray:
        """Clusters of the first cells."""
        return super().groups(n, seed) if self.cluster is None else self.cluster[np.sort(self.order.epoch(0, seed)[:n])]

    def whole(self, rows: np.ndarray) -> Batch:
        """Tokens of some cells."""
        return self.dataset.whole(rows)

    def labelled(self) -> dict[str, int]:
        """Number of cells known to be tumour or normal."""
        if _keys.MALIGNANCY_KEY not in self.manager.data_registry:
            return {}
        codes = np.asarray(self.manager.get_from_registry(_keys.MALIGNANCY_KEY)).ravel()[self.order.indices]
        return {_keys.MALIGNANCY_KEY: both_classes(codes)}

    def names(self) -> Any:
        """Names of the cells."""
        return self.manager.adata.obs_names[self.order.indices]

    def describe(self) -> dict[str, Any]:
        """The cells, their bins and counts, and which of them are tumour or normal."""
        found = sha256(fingerprint_of_cells(self.manager.adata).encode())
        if self.dataset.needs_counts:
            for start in range(0, len(self.order.indices), _BLOCK):
                counts = self.dataset.counts.rows(np.sort(self.order.indices)[start : start + _BLOCK])
                found.update(np.ascontiguousarray(counts.count, np.float64).tobytes())
        if _keys.MALIGNANCY_KEY in self.manager.data_registry:
            found.update(np.ascontiguousarray(self.manager.get_from_registry(_keys.MALIGNANCY_KEY), np.int64).tobytes())
        return super().describe() | {"contents": found.hexdigest()}
