import numpy as np
import pytest

import scellm
from tests.conftest import QUIET, make_adata


@pytest.fixture
def trained(model):
    model.train(max_epochs=2, **QUIET)
    return model


def test_other_names_copy_and_query(trained):
    query = make_adata(20, 2200, seed=8)
    del query.obs["cell_type"]
    out = scellm.tl.annotate(query, trained, key_added="guess", copy=True)
    assert "celllm_bins" not in query.layers
    assert "guess" in out.obs
    assert "guess_probabilities" in out.obsm
    assert scellm.tl.embed(query, trained, key_added="X_other") is None
    assert query.obsm["X_other"].shape == (20, 16)


def test_smoothed_vectors(trained):
    adata = trained.adata
    scellm.tl.embed(adata, trained)
    scellm.tl.embed(adata, trained, smooth=5, key_added="X_smooth")
    plain, smooth = adata.obsm["X_celllm"], adata.obsm["X_smooth"]
    assert smooth.dtype == np.float32
    assert smooth.shape == plain.shape
    assert smooth.var(0).sum() < plain.var(0).sum()
    assert adata.uns["celllm"]["slots"]["X_smooth"]["smooth"] == "5"
    with pytest.raises(ValueError, match=r"smooth='leiden' is not possible"):
        scellm.tl.embed(adata, trained, smooth="leiden")
