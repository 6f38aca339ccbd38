"""Guarantee 3: no array is dense in genes. Memory is proportional to the non-zeros, not to cells times genes."""

import tracemalloc

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import scellm
from scellm.data import Thin
from scellm.data._anndata_dataset import TokenDataset, ViewDataset
from tests.conftest import SMALL

CELLS, PER_CELL = 20_000, 20


def wide(n_vars: int) -> ad.AnnData:
    """Many cells with few expressed genes each."""
    rng = np.random.default_rng(0)
    symbols = scellm.genes.load_vocabulary().symbols[:n_vars]
    column = np.sort(
        rng.integers(0, n_vars // PER_CELL, (CELLS, PER_CELL)) + np.arange(PER_CELL) * (n_vars // PER_CELL), axis=1
    )
    indptr = np.arange(0, CELLS * PER_CELL + 1, PER_CELL)
    x = sp.csr_matrix(
        (rng.geometric(0.5, CELLS * PER_CELL).astype(np.float32), column.ravel(), indptr), shape=(CELLS, n_vars)
    )
    return ad.AnnData(x, var=pd.DataFrame(index=symbols))


def peak(work) -> int:
    tracemalloc.start()
    work()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.mark.parametrize("n_vars", [4040, 16_000])
def test_prepare_and_load(n_vars):
    adata = wide(n_vars)
    dense = CELLS * n_vars  # bytes of a dense array with one byte per value
    scellm.genes.load_vocabulary().names  # noqa: B018  read once, before the measurement
    assert peak(lambda: scellm.pp.prepare(adata)) < 40e6
    assert dense >= 80e6
    scellm.CellLM.setup_anndata(adata)
    manager = scellm.CellLM(adata, **SMALL).adata_manager
    rows = np.arange(4000)
    tokens, views = TokenDataset(manager), ViewDataset(manager, (Thin(), Thin()))
    assert peak(lambda: tokens[rows]) < 100 * 4000 * PER_CELL
    assert peak(lambda: views[0, rows]) < 400 * 4000 * PER_CELL
