"""The cells of a corpus as a source."""

from __future__ import annotations

from os import PathLike
from typing import Any, Self

import numpy as np

from scellm import _keys
from scellm.data._batch import Batch
from scellm.data._corpus import Corpus
from scellm.data._corpus_dataset import CorpusDataset
from scellm.data._malignancy import both_classes
from scellm.data._source import CellSource, SourceOptions
from scellm.data._source_balanced_sampler import SourceBalancedSampler


class CorpusSource(CellSource):
    """The cells of a corpus on disk.

    Parameters
    ----------
    corpus
        The corpus.
    options
        Options for drawing cells.
    """

    dataset: CorpusDataset

    def __init__(self, corpus: Corpus, options: SourceOptions) -> None:
        self.corpus, self.options = corpus, options
        rows = options.rows(len(corpus))
        cluster = corpus.arrays["cluster"][rows] if options.together else None
        self.order = SourceBalancedSampler(
            rows,
            corpus.arrays["source"][rows],
            options.power,
            options.block,
            cluster=cluster,
            together=options.together or 1,
        )
        self.dataset = CorpusDataset(corpus, options.binning, options.views, options.seed)

    @classmethod
    def accepts(cls, data: Any) -> bool:
        """Whether `data` is a corpus or a path."""
        return isinstance(data, Corpus | str | PathLike)

    @classmethod
    def of(cls, data: Any, options: SourceOptions) -> Self:
        """Open the corpus as a source."""
        return cls(data if isinstance(data, Corpus) else Corpus(data), options)

    def whole(self, rows: np.ndarray) -> Batch:
        """Tokens of some cells."""
        return self.dataset.whole(rows)

    def groups(self, n: int, seed: int) -> np.ndarray:
        """Clusters of the first cells, numbered over all sources."""
        rows = np.sort(self.order.epoch(0, seed)[:n])
        pairs = np.stack([self.corpus.arrays[k][rows] for k in ("source", "cluster")])  # (2, cells)
        return np.unique(pairs, axis=1, return_inverse=True)[1].ravel()

    def labelled(self) -> dict[str, int]:
        """Number of cells known to be tumour or normal."""
        return {_keys.MALIGNANCY_KEY: both_classes(self.corpus.arrays["malignancy"][self.order.indices])}

    def names(self) -> Any:
        """Indices of the cells in the corpus."""
        return self.order.indices

    def describe(self) -> dict[str, Any]:
        """The cells, the files of the corpus, and how its sources are mixed."""
        mixing = {
            "source_power": self.options.power,
            "source_block": self.options.block,
            "cluster_block": self.options.together,
        }
        return super().describe() | {"corpus": self.corpus.card["sources"]} | mixing
