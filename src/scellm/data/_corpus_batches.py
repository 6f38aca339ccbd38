"""What pretraining sees of a corpus in each step."""

from __future__ import annotations

import numpy as np
from torch.utils.data import Dataset

from scellm import _keys
from scellm.data._corpus import Corpus
from scellm.data._dataset import Batch, draw_views, tokens_of
from scellm.data._views import View, identity
from scellm.pp._tokenize import Binning


class CorpusDataset(Dataset):
    """Two views of each cell of a corpus; indexed by `(step, rows)`, like :class:`scellm.data._dataset.ViewDataset`.

    Parameters
    ----------
    corpus
        Counts on disk.
    binning
        The bins of the model.
    views
        One function for each of the two views.
    seed
        Of all draws.
    """

    def __init__(
        self, corpus: Corpus, binning: Binning, views: tuple[View, View] = (identity, identity), seed: int = 0
    ) -> None:
        self.corpus, self.binning, self.views, self.seed = corpus, binning, views, seed

    def __len__(self) -> int:
        return len(self.corpus)

    def whole(self, rows: np.ndarray) -> Batch:
        """Tokens of some cells as they are."""
        return tokens_of(self.corpus.counts(rows), self.binning)

    def __getitem__(self, draw: tuple[int, np.ndarray]) -> Batch:
        step, rows = draw
        batch = draw_views(self.corpus.counts(rows), self.views, self.binning, self.seed, step)
        origin = self.corpus.arrays["origin"][rows].astype(np.int64)
        return batch | {_keys.ORIGIN_KEY: origin, "row": np.asarray(rows, dtype=np.int64)}


class BalancedRows:
    """Rows of several sources, small ones more often than their size.

    A source takes part in proportion to its size to the `power`; over the epochs each of its cells is seen equally often.

    Parameters
    ----------
    rows
        Numbers of the cells.
    source
        Number of the source of each of them, (rows,).
    power
        1 draws by size, 0 every source alike, 0.5 by the square root.

    Raises
    ------
    ValueError
        If the power is not between 0 and 1, or there are no rows.
    """

    def __init__(self, rows: np.ndarray, source: np.ndarray, power: float) -> None:
        if not 0 <= power <= 1 or not len(rows):
            msg = f"source_power must be between 0 (every source alike) and 1 (by size), over at least one cell; found {power} over {len(rows)}."
            raise ValueError(msg)
        self.rows = np.asarray(rows)
        self.of = {int(s): self.rows[source == s] for s in np.unique(source)}
        share = np.array([len(r) ** power for r in self.of.values()])
        self.draws = _whole(len(rows) * share / share.sum())

    def __len__(self) -> int:
        return int(self.draws.sum())

    def epoch(self, number: int, seed: int) -> np.ndarray:
        """As many rows as there are, in a random order; each source goes on where it stopped in the epoch before."""
        parts = [
            _stretch(rows, number * n, n, (seed, source)) for (source, rows), n in zip(self.of.items(), self.draws, strict=True)
        ]  # fmt: skip
        return np.random.default_rng([seed, number]).permutation(np.concatenate(parts))


def _whole(x: np.ndarray) -> np.ndarray:
    """Whole numbers of the same sum, by the largest remainder."""
    low = np.floor(x).astype(int)
    rest = round(x.sum()) - low.sum()
    low[np.argsort(low - x, kind="stable")[:rest]] += 1
    return low


def _stretch(rows: np.ndarray, start: int, n: int, key: tuple[int, int]) -> np.ndarray:
    """`n` rows from place `start` of an endless row of shuffles of `rows`."""
    first, last = start // len(rows), max(start + n - 1, start) // len(rows)
    shuffles = [np.random.default_rng([*key, i]).permutation(rows) for i in range(first, last + 1)]
    at = start - first * len(rows)
    return np.concatenate(shuffles)[at : at + n]
