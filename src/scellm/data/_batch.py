"""Batches of tokens as flat dictionaries of arrays, which loaders move between processes and devices."""

from __future__ import annotations

import numpy as np

from scellm._random import draw_key
from scellm.data._counts import Counts
from scellm.data._view import PairedView, View, identity
from scellm.pp import Binning

Batch = dict[str, np.ndarray]


def pack(gene: np.ndarray, bins: np.ndarray, offsets: np.ndarray) -> Batch:
    """Gene ids, bins and offsets of packed cells, all int64."""
    return {"gene": gene.astype(np.int64), "bin": bins.astype(np.int64), "offsets": offsets.astype(np.int64)}


def bin_counts(counts: Counts, binning: Binning) -> Batch:
    """Bin counts to tokens."""
    return pack(counts.gene, binning.bins(counts.count, counts.total, counts.offsets), counts.offsets)


def draw_views(counts: Counts, views: tuple[View, View], binning: Binning, seed: int, step: int) -> Batch:
    """Two views of each cell as tokens.

    Parameters
    ----------
    counts
        The cells.
    views
        One function for each view; or one paired view, given twice.
    binning
        The bins.
    seed, step
        Key of the draw.

    Returns
    -------
    dict
        `gene`, `bin`, `offsets` and `count`; the second view has the suffix "_b". If both views leave the cell
        unchanged, there is no second view and no `count`.
    """
    if all(view is identity for view in views):
        return bin_counts(counts, binning)
    if isinstance(views[0], PairedView):
        drawn = views[0].pair(counts, draw_key(seed, step, 0))
    else:
        drawn = (views[0](counts, draw_key(seed, step, 0)), views[1](counts, draw_key(seed, step, 1)))
    first, second = (bin_counts(view, binning) | {"count": view.count.astype(np.int64)} for view in drawn)
    return first | {f"{k}_b": v for k, v in second.items()}
