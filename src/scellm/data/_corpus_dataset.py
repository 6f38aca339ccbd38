"""Cells of a corpus as packed tokens, for pretraining."""

from __future__ import annotations

import numpy as np
from torch.utils.data import Dataset

from scellm import _keys
from scellm.data._batch import Batch, bin_counts, draw_views
from scellm.data._corpus import Corpus
from scellm.data._view import View, identity
from scellm.pp import Binning

_COLUMNS = (_keys.MALIGNANCY_KEY, _keys.SOURCE_KEY, _keys.CLUSTER_KEY)


class CorpusDataset(Dataset):
    """Two views of each cell of a corpus; indexed by `(step, rows)`, as a `ViewDataset` is.

    Parameters
    ----------
    corpus
        Counts on disk.
    binning
        The bins of the model.
    views
        One function for each of the two views.
    seed
        Seed of all draws.
    """

    def __init__(
        self, corpus: Corpus, binning: Binning, views: tuple[View, View] = (identity, identity), seed: int = 0
    ) -> None:
        self.corpus, self.binning, self.views, self.seed = corpus, binning, views, seed

    def __len__(self) -> int:
        return len(self.corpus)

    def whole(self, rows: np.ndarray) -> Batch:
        """Tokens of some cells, unchanged by any view."""
        return bin_counts(self.corpus.counts(rows), self.binning)

    def __getitem__(self, draw: tuple[int, np.ndarray]) -> Batch:
        step, rows = draw
        batch = draw_views(self.corpus.counts(rows), self.views, self.binning, self.seed, step)
        columns = {k: self.corpus.arrays[k][rows].astype(np.int64) for k in _COLUMNS}
        return batch | columns | {"row": np.asarray(rows, dtype=np.int64)}
