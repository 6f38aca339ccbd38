import numpy as np

import scellm
from scellm._compat import layer_names
from tests.conftest import make_adata


def test_embed_genes_writes_rows_in_the_order_of_var(model):
    other = make_adata(n_obs=5)[:, ::-1].copy()
    other.var_names = ["no such gene", *other.var_names[1:]]
    assert scellm.tl.embed_genes(other, model) is None
    table = model.get_gene_embeddings()
    np.testing.assert_array_equal(other.varm["celllm_genes"][1:], table.loc[other.var_names[1:]])
    assert np.isnan(other.varm["celllm_genes"][0]).all()
    assert other.varm["celllm_genes"].dtype == np.float32
    assert other.uns["celllm"]["slots"]["celllm_genes"]["where"] == "varm"
    assert list(other.obsm) == []
    assert layer_names(other) == []


def test_embed_genes_copy_and_key(model, prepared, tmp_path):
    written = scellm.tl.embed_genes(prepared, model, key_added="genes", copy=True)
    assert "genes" not in prepared.varm
    assert written.varm["genes"].shape == (prepared.n_vars, 16)
    written.write_h5ad(tmp_path / "a.h5ad")
