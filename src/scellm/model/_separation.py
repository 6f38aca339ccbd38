"""How far two groups of cells lie apart beyond their types, as studies do."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

MIXED = 0.5
"""Separation up to which cells count as those of one study. On labelled sources of the corpus (brain, heart, ovarian
tumour, lung cancer lines) random splits have at most .13, splits where half of the types have no label .26 to .42, and
splits by donor of the tumour or by assay .66 to 1 (`benchmarks/other_studies.py`)."""

_FEWEST = 3  # cells of a type in each group
_ENOUGH = 40  # cells compared in all: of fewer, three of four mixed ones may lie apart by chance


def separation(
    x: np.ndarray, known: np.ndarray, types_known: np.ndarray, other: np.ndarray, types_other: np.ndarray, seed: int
) -> float:
    """How much more often than by chance the nearest cell of the same type is of the same group.

    Within each type, both groups are reduced to the size of the smaller one. This is the test of nearest neighbours of
    Schilling (1986, doi:10.1080/01621459.1986.10478337) with one neighbour, scaled to the range from chance to always.

    Parameters
    ----------
    x
        Features of all cells, float, (cells, features).
    known, other
        Indices of the cells of the two groups, int64.
    types_known, types_other
        Type of each of them.
    seed
        Seed of the reduction.

    Returns
    -------
    float
        About 0 if the groups are mixed, 1 if they are apart; 0 if fewer than 40 cells can be compared, of types with
        three cells in both groups.
    """
    rng = np.random.default_rng(seed)
    same = chance = n = 0.0
    for kind in np.intersect1d(types_known, types_other):
        groups = [rng.permutation(rows[of == kind]) for rows, of in ((known, types_known), (other, types_other))]
        size = min(len(g) for g in groups)
        if size < _FEWEST:
            continue
        rows = np.concatenate([g[:size] for g in groups])
        nearest = NearestNeighbors(n_neighbors=1).fit(x[rows]).kneighbors(return_distance=False)[:, 0]
        same += float(((nearest < size) == (np.arange(2 * size) < size)).sum())
        chance += 2 * size * (size - 1) / (2 * size - 1)
        n += 2 * size
    return (same - chance) / (n - chance) if n >= _ENOUGH else 0.0
