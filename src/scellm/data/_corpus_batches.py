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
    block
        Rows of one source that follow each other, so that a cell is compared with many of its own tissue; the last block of a source is
        shorter. 1 mixes all.

    Raises
    ------
    ValueError
        If the power is not between 0 and 1, the block is not a number from 1 on, or there are no rows.
    """

    def __init__(self, rows: np.ndarray, source: np.ndarray, power: float, block: int = 1) -> None:
        if not 0 <= power <= 1 or not len(rows):
            msg = f"source_power must be between 0 (every source alike) and 1 (by size), over at least one cell; found {power} over {len(rows)}."
            raise ValueError(msg)
        if block < 1 or block != int(block):
            msg = f"source_block must be a whole number from 1 on, the cells of one source that follow each other; found {block}."
            raise ValueError(msg)
        self.rows, self.block = np.asarray(rows), int(block)
        self.of = {int(s): self.rows[source == s] for s in np.unique(source)}
        share = np.array([len(r) ** power for r in self.of.values()])
        self.draws = _whole(len(rows) * share / share.sum())

    def __len__(self) -> int:
        return int(self.draws.sum())

    def epoch(self, number: int, seed: int) -> np.ndarray:
        """As many rows as there are, blocks in a random order; each source goes on where it stopped in the epoch before."""
        parts = [
            _stretch(rows, number * n, n, (seed, source)) for (source, rows), n in zip(self.of.items(), self.draws, strict=True)
        ]  # fmt: skip
        return _shuffle_blocks(parts, self.block, np.random.default_rng([seed, number]))


def draw_rows(
    corpus: Corpus, n: int, *, rows: np.ndarray | None = None, power: float = 0.5, seed: int = 0
) -> np.ndarray:
    """Some rows of a corpus, small sources more often than their size, as pretraining draws them; ascending.

    Parameters
    ----------
    corpus
        Counts on disk.
    n
        How many, at most as many as there are.
    rows
        Numbers of the cells to draw from; by default all.
    power
        As of :class:`BalancedRows`.
    seed
        Of the draw.

    Returns
    -------
    numpy.ndarray
        int64, (n,). A cell of a small source can come twice.
    """
    rows = np.arange(len(corpus)) if rows is None else np.asarray(rows)
    return np.sort(BalancedRows(rows, corpus.arrays["source"][rows], power).epoch(0, seed)[:n])


def _shuffle_blocks(parts: list[np.ndarray], block: int, rng: np.random.Generator) -> np.ndarray:
    """Cut each part into blocks, the last of a part shorter, and put the blocks of all parts in a random order."""
    of = np.concatenate([np.arange(len(part)) // block for part in parts])  # number of a row's block in its part
    of += np.repeat(np.cumsum([0, *(-(-len(part) // block) for part in parts[:-1])]), [len(part) for part in parts])
    place = np.argsort(rng.permutation(of[-1] + 1))
    return np.concatenate(parts)[np.argsort(place[of], kind="stable")]


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
