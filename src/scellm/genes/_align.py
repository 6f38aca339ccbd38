"""Align rows that are named by genes to the vocabulary."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scellm.genes._match import match_names
from scellm.genes._vocabulary import load_vocabulary


def align_rows(names: pd.Index, what: str, usable: np.ndarray | None = None) -> pd.Series:
    """Find the row of each gene among named rows; if a gene has several rows, the first is used.

    Parameters
    ----------
    names
        Any identifiers that :func:`match_names` knows, (rows,).
    what
        Source of the names, for messages.
    usable
        Rows that may be taken, bool, (rows,); by default all.

    Returns
    -------
    pandas.Series
        Row of each gene, indexed by its position in the vocabulary, int64; genes without a row are missing.
    """
    match = match_names(names, load_vocabulary(), what)
    taken = match.known if usable is None else match.known & usable
    rows = pd.Series(np.arange(len(names)), index=match.ids)[taken]
    return rows[~rows.index.duplicated()]
