"""Cells that are in both data sets of a task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData


def refuse_same_cells(task: str, one: AnnData, other: AnnData) -> None:
    """Raise if cells of the same name have the same values in two data sets.

    Parameters
    ----------
    task
        Name of the task, for the message.
    one, other
        The data that are learned from, and those that are tested.

    Raises
    ------
    ValueError
        If a cell is in both; the message names some.
    """
    names = one.obs_names[~one.obs_names.duplicated()].intersection(other.obs_names[~other.obs_names.duplicated()])
    genes = one.var_names[~one.var_names.duplicated()].intersection(other.var_names[~other.var_names.duplicated()])
    if not len(names) or not len(genes) or one.X is None or other.X is None:
        return
    first, second = (_part(adata, names, genes) for adata in (one, other))
    differ = np.asarray(abs(first - second).sum(axis=1)).ravel()
    filled = np.asarray(abs(first).sum(axis=1)).ravel() > 0
    same = names[(differ == 0) & filled]
    if len(same):
        msg = (
            f"task {task!r}: {len(same):,} cells are in both data sets, with the same values, such as "
            f"{list(same[:4])}. They would be learned from and tested. Leave them out of one."
        )
        raise ValueError(msg)


def _part(adata: AnnData, names: pd.Index, genes: pd.Index) -> sp.csr_matrix:
    """The values of some cells and genes, (cells, genes)."""
    x = sp.csr_matrix(adata.X[np.sort(adata.obs_names.get_indexer_for(names))])
    order = np.argsort(adata.obs_names.get_indexer_for(names), kind="stable")
    back = np.argsort(order, kind="stable")
    return sp.csr_matrix(x[back][:, adata.var_names.get_indexer_for(genes)], dtype=np.float64)
