import numpy as np
import pytest

import scellm
from scellm.model._own_features import expression_components, joined_features
from tests.conftest import make_adata


def test_both_parts_are_centred_and_vary_alike():
    rng = np.random.default_rng(0)
    z, p = rng.normal(3, 5, (40, 12)).astype(np.float32), rng.normal(1, 0.1, (40, 4)).astype(np.float32)
    found = joined_features(z, p)
    assert found.shape == (40, 16)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
    assert found[:, :12].var(0).sum() == pytest.approx(12, rel=1e-4)
    assert found[:, 12:].var(0).sum() == pytest.approx(12, rel=1e-4)
    part = joined_features(z[:5], p[:5], (z, p))
    np.testing.assert_allclose(part, found[:5], atol=1e-5)


def test_components_and_the_tool(trained):
    adata = make_adata(60)
    scellm.tl.embed(adata, trained, adapt="pca", key_added="X_joined")
    scellm.tl.embed(adata, trained)
    n = expression_components(adata).shape[1]
    assert n == 50
    assert adata.obsm["X_joined"].shape[1] == adata.obsm["X_celllm"].shape[1] + n
    assert adata.uns["celllm"]["slots"]["X_joined"]["adapt"] == "pca"
    with pytest.raises(ValueError, match="adapt='x'"):
        scellm.tl.embed(adata, trained, adapt="x")
