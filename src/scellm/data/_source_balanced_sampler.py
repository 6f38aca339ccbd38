"""Draw cells from several sources, small sources more often than in proportion to their size."""

from __future__ import annotations

import numpy as np

from scellm._options import in_range


class SourceBalancedSampler:
    """Draws cells from several sources, small sources more often than in proportion to their size.

    A source is drawn in proportion to its size to the `power`. Over the epochs, each of its cells is drawn equally
    often.

    Parameters
    ----------
    indices
        Indices of the cells.
    source
        Number of each cell's source, (cells,).
    power
        1: by size; 0: all sources equally often; 0.5: by the square root of the size.
    block
        Number of consecutive cells from one source, so that many negatives of a cell come from its own source; the last
        block of a source may be shorter. 1: fully mixed.
    cluster
        Number of each cell's cluster within its source, (cells,): cells of one cluster then follow each other.
    together
        Number of consecutive cells from one cluster, if clusters are given; the last ones of a cluster may be fewer.

    Raises
    ------
    ValueError
        If the power is not between 0 and 1, a number of cells is not a whole number of at least 1, or there are no
        cells.
    """

    def __init__(
        self,
        indices: np.ndarray,
        source: np.ndarray,
        power: float,
        block: int = 1,
        *,
        cluster: np.ndarray | None = None,
        together: int = 1,
    ) -> None:
        in_range("source_power", power, 0, 1)
        in_range("source_block", block, 1, whole=True)
        in_range("cluster_block", together, 1, whole=True)
        if not len(indices):
            msg = "SourceBalancedSampler needs at least one cell; found none."
            raise ValueError(msg)
        self.indices, self.block, self.together = np.asarray(indices), int(block), int(together)
        self.of = {int(s): self.indices[source == s] for s in np.unique(source)}
        self.clusters = {s: None if cluster is None else cluster[source == s] for s in self.of}
        share = np.array([len(r) ** power for r in self.of.values()])
        self.draws = _round_to_sum(len(indices) * share / share.sum())

    def __len__(self) -> int:
        return int(self.draws.sum())

    def epoch(self, number: int, seed: int) -> np.ndarray:
        """The cells of an epoch, in blocks in a random order; each source continues where the last epoch stopped."""
        parts = [
            _take_cyclic(rows, number * n, n, (seed, source), self.clusters[source], self.together)
            for (source, rows), n in zip(self.of.items(), self.draws, strict=True)
        ]
        return _shuffle_blocks(parts, self.block, np.random.default_rng([seed, number]))


def _shuffle_blocks(parts: list[np.ndarray], block: int, rng: np.random.Generator) -> np.ndarray:
    """Cut each part into blocks (the last may be shorter), and put the blocks of all parts in a random order."""
    of = np.concatenate([np.arange(len(part)) // block for part in parts])  # block of each cell within its part
    of += np.repeat(np.cumsum([0, *(-(-len(part) // block) for part in parts[:-1])]), [len(part) for part in parts])
    position = np.argsort(rng.permutation(of[-1] + 1))
    return np.concatenate(parts)[np.argsort(position[of], kind="stable")]


def _round_to_sum(x: np.ndarray) -> np.ndarray:
    """Round to whole numbers with the same sum, by the largest remainder."""
    low = np.floor(x).astype(int)
    rest = round(x.sum()) - low.sum()
    low[np.argsort(low - x, kind="stable")[:rest]] += 1
    return low


def _take_cyclic(
    rows: np.ndarray, start: int, n: int, key: tuple[int, int], cluster: np.ndarray | None, together: int
) -> np.ndarray:
    """`n` cells from position `start` of an endless sequence of shuffles of `rows`, cells of a cluster together."""
    first, last = start // len(rows), max(start + n - 1, start) // len(rows)
    shuffles = []
    for i in range(first, last + 1):
        rng = np.random.default_rng([*key, i])
        order = rng.permutation(len(rows))
        if cluster is not None:
            order = _shuffle_blocks([order[cluster[order] == c] for c in np.unique(cluster)], together, rng)
        shuffles.append(rows[order])
    at = start - first * len(rows)
    return np.concatenate(shuffles)[at : at + n]
