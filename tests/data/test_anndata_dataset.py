import anndata as ad
import numpy as np
import pytest
import torch

import scellm
from scellm.data import Thin
from scellm.data._anndata_dataset import TokenDataset, ViewDataset
from tests.conftest import SMALL


@pytest.fixture
def manager(model):
    return model.adata_manager


def test_on_the_fly_equals_the_layer(model, manager):
    rows = np.arange(60)[::-1]
    dataset = ViewDataset(manager, (Thin(1, 1), Thin(1, 1)))  # keeps every molecule, but reads the counts
    layer, fly = TokenDataset(manager)[rows], dataset[0, rows]
    for key in ("gene", "bin", "offsets"):
        assert np.array_equal(layer[key], fly[key])
        assert np.array_equal(layer[key], fly[f"{key}_b"])


def test_rows_follow_indices_on_backed_data(adata, tmp_path):
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    scellm.CellLM.setup_anndata(backed)
    model = scellm.CellLM(backed, **SMALL)
    model.is_trained_ = True
    rows = [9, 3, 7, 1, 9]
    z = model.get_latent_representation()
    np.testing.assert_allclose(model.get_latent_representation(indices=rows), z[rows], rtol=1e-5, atol=1e-6)
    views = ViewDataset(model.adata_manager, (Thin(), Thin()))
    whole = ViewDataset(model.adata_manager, (Thin(), Thin()))[0, np.arange(60)]
    got = views[0, np.array(rows)]
    for i, row in enumerate(rows):
        a, b = whole["offsets"][row : row + 2]
        c, d = got["offsets"][i : i + 2]
        assert np.array_equal(whole["gene"][a:b], got["gene"][c:d])


def test_batches_are_packed_tensors(model):
    batch = next(iter(model._make_data_loader(model.adata, batch_size=8)))
    assert {k: v.dtype for k, v in batch.items()} == dict.fromkeys(
        ["gene", "bin", "offsets", "labels", "malignancy", "row"], torch.int64
    )
    assert batch["offsets"][-1] == len(batch["gene"]) == len(batch["bin"])
