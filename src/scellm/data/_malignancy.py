"""Words for tumour and normal."""

from __future__ import annotations

import pandas as pd

NORMAL, TUMOR = 0, 1
MALIGNANCY_WORDS = {
    "normal": NORMAL,
    "healthy": NORMAL,
    "tumor": TUMOR,
    "tumour": TUMOR,
    "cancer": TUMOR,
    "malignant": TUMOR,
}


def malignancy_codes(words: pd.Series) -> pd.Series:
    """Convert words, in upper or lower case, to codes.

    Parameters
    ----------
    words
        Such as "tumor", "tumour", "cancer", "malignant", "normal", "healthy"; (cells,).

    Returns
    -------
    pandas.Series
        int64, (cells,): 1 tumour, 0 normal, -1 anything else.
    """
    codes = words.astype(str).str.strip().str.lower().map(MALIGNANCY_WORDS)
    return codes.fillna(-1).astype("int64")
