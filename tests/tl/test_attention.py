import numpy as np
import pytest

import scellm
from tests.conftest import make_adata


def test_writes_a_layer_and_its_record(model):
    adata = model.adata
    assert scellm.tl.attention(adata, model) is None
    layer = adata.layers["celllm_attention"]
    assert layer.dtype == np.float32
    assert layer.shape == adata.shape
    assert ((layer.sum(1) > 0.5) & (layer.sum(1) < 1)).all()
    record = adata.uns["celllm"]["slots"]["celllm_attention"]
    assert (record["tool"], record["where"], record["block"]) == ("attention", "layers", "-1")
    out = scellm.tl.attention(adata, model, key_added="first", block=0, copy=True)
    assert "first" not in adata.layers
    assert abs(out.layers["first"] - layer).max() > 1e-4


def test_genes_of_raw(model):
    adata = make_adata(30, 2400)
    adata.raw = adata.copy()
    adata = adata[:, :200].copy()
    adata.X = adata.X.toarray() - 1.0
    scellm.tl.attention(adata, model)
    assert adata.obsm["celllm_attention"].shape == (30, 19225)
    assert adata.uns["celllm"]["slots"]["celllm_attention"]["where"] == "obsm"


def test_bad_calls_change_nothing(model):
    adata = make_adata(10)
    with pytest.raises(ValueError, match="no attention"):
        scellm.tl.attention(adata, "celllm-bag")
    with pytest.raises(ValueError, match="block must be"):
        scellm.tl.attention(adata, model, block=5)
    with pytest.raises(ValueError, match="cannot be written to disk"):
        scellm.tl.attention(adata, model, key_added="a/b")
    with pytest.raises(TypeError, match="swapped"):
        scellm.tl.attention(adata, adata)
    assert not adata.layers
    assert not adata.uns
