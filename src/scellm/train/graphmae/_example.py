"""A small network that comes with the package."""

from __future__ import annotations

import gzip
import io
from importlib.resources import files

import pandas as pd


def load_example_network() -> pd.DataFrame:
    """Thirteen groups of genes of STRING v11's table of actions (Szklarczyk et al. 2019; CC BY 4.0), for trials and teaching.

    `scripts/build_network_slice.py` makes it.

    Returns
    -------
    pandas.DataFrame
        9,892 edges of 572 genes: symbols `a` and `b`, `score` from 400 to 999, and the groups `group_a` and `group_b`.
    """
    text = gzip.decompress(files("scellm.train.graphmae").joinpath("string_v11_slice.csv.gz").read_bytes())
    return pd.read_csv(io.BytesIO(text))
