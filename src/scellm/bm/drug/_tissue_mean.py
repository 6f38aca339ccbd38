"""Means of tissues, shrunk to the means of the drugs."""

from __future__ import annotations

import numpy as np
import pandas as pd

SHRINKAGE = 3.0
"""Lines at the drug's mean that a tissue's mean counts in addition."""


def tissue_deviations(rest: pd.DataFrame, tissues: pd.Series, shrinkage: float = SHRINKAGE) -> pd.DataFrame:
    """Mean deviation of each drug in each tissue, shrunk.

    Parameters
    ----------
    rest
        Responses minus the drugs' means, NaN where unknown, lines by drugs.
    tissues
        Tissue of each line, in the order of `rest`.
    shrinkage
        Lines without a deviation that count in addition.

    Returns
    -------
    pandas.DataFrame
        Tissues by drugs.
    """
    grouped = rest.groupby(np.asarray(tissues))
    return grouped.sum() / (grouped.count() + shrinkage)
