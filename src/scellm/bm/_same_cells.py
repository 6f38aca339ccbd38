"""Cells that are in both data sets of a task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from scellm._on_disk import on_disk

_GENES = 20  # with this many expressed genes, equal values are no coincidence


def refuse_same_cells(task: str, one: AnnData, other: AnnData) -> None:
    """Raise if cells of the same name have the same values in X of two data sets, on the genes that they share.

    Cells with fewer than 20 expressed genes in common, names that occur twice and data on disk are not compared.

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
    if one.X is None or other.X is None or on_disk(one) or on_disk(other):
        return
    names = _single(one.obs_names).intersection(_single(other.obs_names))
    genes = _single(one.var_names).intersection(_single(other.var_names))
    if not len(names) or not len(genes):
        return
    first, second = (_part(adata, names, genes) for adata in (one, other))
    differ = np.asarray(abs(first - second).sum(axis=1)).ravel()
    enough = np.diff(first.indptr) >= _GENES
    same = names[(differ == 0) & enough]
    if len(same):
        msg = (
            f"task {task!r}: {len(same):,} cells are in both data sets, with the same values, such as "
            f"{list(same[:4])}. They would be learned from and tested. Leave them out of one."
        )
        raise ValueError(msg)


def _single(names: pd.Index) -> pd.Index:
    """Names that occur once."""
    return names[~names.duplicated(keep=False)]


def _part(adata: AnnData, names: pd.Index, genes: pd.Index) -> sp.csr_matrix:
    """The values of some cells and genes, (cells, genes)."""
    rows, columns = (
        pd.Index(all_).get_indexer_for(some) for all_, some in ((adata.obs_names, names), (adata.var_names, genes))
    )
    part = sp.csr_matrix(adata.X[rows], dtype=np.float64)[:, columns]
    part.eliminate_zeros()
    return part
