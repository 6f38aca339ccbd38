import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

import scellm
from tests.conftest import QUIET


@pytest.fixture
def trained(model):
    model.train(max_epochs=2, **QUIET)
    return model


def test_slots_dtypes_and_the_disk(trained, tmp_path):
    adata = trained.adata
    scellm.tl.embed(adata, trained)
    scellm.tl.annotate(adata, trained)
    z = adata.obsm["X_celllm"]
    assert z.dtype == np.float32
    assert z.flags.c_contiguous
    assert z.shape == (60, 16)
    assert isinstance(adata.obs["celllm_type"].dtype, pd.CategoricalDtype)
    assert list(adata.obs["celllm_type"].cat.categories) == ["type 0", "type 1", "type 2"]
    assert adata.obs["celllm_type_confidence"].dtype == np.float32
    p = adata.obsm["celllm_type_probabilities"]
    assert p.dtype == np.float32
    assert p.shape == (60, 3)
    np.testing.assert_allclose(p.max(axis=1), adata.obs["celllm_type_confidence"])
    adata.write_h5ad(tmp_path / "a.h5ad")
    back = ad.read_h5ad(tmp_path / "a.h5ad")
    assert back.uns["celllm"]["slots"] == adata.uns["celllm"]["slots"]
    assert set(back.uns["celllm"]) == {"prepare", "slots"}
    np.testing.assert_array_equal(back.obsm["X_celllm"], z)
    np.testing.assert_array_equal(back.obsm["celllm_type_probabilities"], p)
    sc.pp.neighbors(adata, use_rep="X_celllm")


def test_annotate_untrained_changes_nothing(model):
    before = set(model.adata.obs)
    with pytest.raises(RuntimeError, match=r"model.train\(\)"):
        scellm.tl.annotate(model.adata, model)
    assert set(model.adata.obs) == before
