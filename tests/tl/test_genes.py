"""Gene vectors in varm, and the nearest genes."""

import numpy as np
import pandas as pd
import pytest

import scellm
from tests.conftest import make_adata


def test_embed_genes_writes_rows_in_the_order_of_var(model):
    other = make_adata(n_obs=5)[:, ::-1].copy()
    other.var_names = ["no such gene", *other.var_names[1:]]
    assert scellm.tl.embed_genes(other, model) is None
    table = model.get_gene_embeddings()
    np.testing.assert_array_equal(other.varm["celllm_genes"][1:], table.loc[other.var_names[1:]])
    assert np.isnan(other.varm["celllm_genes"][0]).all()
    assert other.varm["celllm_genes"].dtype == np.float32
    assert other.uns["celllm"]["embed_genes"]["slots"] == "varm['celllm_genes']"
    assert list(other.obsm) == []
    assert list(other.layers) == []


def test_embed_genes_copy_and_key(model, prepared, tmp_path):
    written = scellm.tl.embed_genes(prepared, model, key_added="genes", copy=True)
    assert "genes" not in prepared.varm
    assert written.varm["genes"].shape == (prepared.n_vars, 16)
    written.write_h5ad(tmp_path / "a.h5ad")


def small():
    names = ["CD3E", "CD3D", "CD3G", "MS4A1", "CD79A", "LYZ"]
    values = [[1, 0, 0.0], [1, 0.1, 0], [1, 0.5, 0], [0, 1, 0], [0, 1, 0.1], [np.nan] * 3]
    return pd.DataFrame(values, index=names)


def test_gene_neighbors():
    found = scellm.tl.gene_neighbors(small(), ["CD3E", "ENSG00000156738"], n_neighbors=2)
    assert list(found["gene"]) == ["CD3E"] * 2 + ["MS4A1"] * 2
    assert list(found["neighbor"]) == ["CD3D", "CD3G", "CD79A", "CD3G"]
    assert (np.diff(found["similarity"])[[0, 2]] < 0).all()
    v = small().dropna().to_numpy()
    v = v - v.mean(0)
    expected = v[0] @ v[1] / np.linalg.norm(v[0]) / np.linalg.norm(v[1])
    assert found["similarity"][0] == pytest.approx(expected)
    assert len(scellm.tl.gene_neighbors(small(), "CD3E", n_neighbors=99)) == 4


def test_gene_neighbors_of_a_model(model):
    assert len(scellm.tl.gene_neighbors(model, "CD3E")) == 10


def test_genes_without_a_vector():
    with pytest.raises(KeyError, match=r"\['LYZ'\] have no vector; 5 genes have one"):
        scellm.tl.gene_neighbors(small(), ["CD3E", "LYZ"])
    with pytest.raises(KeyError, match="nonsense"):
        scellm.tl.gene_neighbors(small(), "nonsense")


def test_bundled_vectors():
    vectors = scellm.train.graphmae.load_string_vectors()
    assert vectors.shape == (19225, 128)
    assert "CC BY 4.0" in vectors.attrs["card"]["licence"]
    there = vectors.notna().all(axis=1)
    assert 10_000 < there.sum() < 19_000
    assert there.equals(vectors.notna().any(axis=1))
    near = scellm.tl.gene_neighbors(vectors, "PSMA1", n_neighbors=10)["neighbor"]
    assert near.str.startswith("PSM").mean() >= 0.5
    vectors.iloc[0] = 0
    assert not (scellm.train.graphmae.load_string_vectors().iloc[0] == 0).any()
