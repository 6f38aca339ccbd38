"""A new source: cells from a table of gene ids and bins in memory."""

import numpy as np

from scellm.data import CellSource, RandomSampler


class TableSource(CellSource):
    """A DataFrame with columns `cell`, `gene` and `bin`, sorted by cell."""

    def __init__(self, table, options):
        self.table, self.dataset = table, self
        self.offsets = np.searchsorted(table["cell"], np.arange(table["cell"].max() + 2))
        self.order = RandomSampler(options.rows(len(self.offsets) - 1))

    @classmethod
    def accepts(cls, data):
        return hasattr(data, "columns") and {"cell", "gene", "bin"} <= set(data.columns)

    @classmethod
    def of(cls, data, options):
        return cls(data, options)

    def __getitem__(self, draw):
        return self.whole(draw[1])

    def whole(self, rows):
        at = np.concatenate([np.arange(self.offsets[r], self.offsets[r + 1]) for r in rows])
        lengths = np.diff(self.offsets)[rows]
        columns = {k: self.table[k].to_numpy(np.int64)[at] for k in ("gene", "bin")}
        return columns | {"offsets": np.concatenate([[0], np.cumsum(lengths)])}

    def labelled(self):
        return {}

    def names(self):
        return self.order.indices
