"""A small network included in the package."""

from __future__ import annotations

import io

import pandas as pd

from scellm._assets import read_asset


def load_example_network() -> pd.DataFrame:
    """Load thirteen groups of genes of STRING v11's table of actions, for tests and tutorials.

    Szklarczyk et al. 2019; CC BY 4.0. `scripts/build_network_slice.py` makes the file.

    Returns
    -------
    pandas.DataFrame
        9,892 edges of 572 genes: symbols `a` and `b`, `score` of at least 400, and the groups `group_a` and `group_b`.
    """
    return pd.read_csv(io.BytesIO(read_asset("scellm.train.graphmae", "string_v11_slice.csv.gz")))
