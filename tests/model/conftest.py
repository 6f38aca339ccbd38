"""A small model on cells that were set up."""

import pytest

import scellm
from tests.conftest import SMALL, make_adata


@pytest.fixture
def small():
    """A small model on cells that were set up."""
    adata = make_adata(40)
    scellm.CellLM.setup_anndata(adata)
    return scellm.CellLM(adata, **SMALL)
