import numpy as np
import pytest

from scellm.data import SubsampleGenes, Thin
from scellm.data._anndata_dataset import TokenDataset, ViewDataset


@pytest.fixture
def manager(model):
    return model.adata_manager


@pytest.mark.parametrize("view", [Thin(), SubsampleGenes(0.5)])
def test_views_depend_on_cell_step_and_view_only(manager, view):
    dataset = ViewDataset(manager, (view, view), seed=3)
    rows = np.array([5, 17, 40])
    together, alone = dataset[7, rows], dataset[7, rows[1:2]]
    a, b = together["offsets"][1:3]
    assert np.array_equal(together["gene"][a:b], alone["gene"])
    assert not np.array_equal(together["gene"], together["gene_b"])
    assert not np.array_equal(dataset[8, rows]["gene"], together["gene"])
    full = TokenDataset(manager)[rows]
    assert len(together["gene"]) < len(full["gene"])
