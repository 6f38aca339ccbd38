"""Given gene vectors in the model: where they land, what the others get, whether they learn."""

import numpy as np
import pandas as pd
import pytest
import torch

import scellm
from tests.conftest import QUIET, SMALL

DIM = SMALL["dim"]
SYMBOLS = scellm.pp.load_vocabulary().symbols


def given(n=500, width=DIM, seed=0):
    """Vectors of the first genes, of a mean and variance of their own."""
    values = np.random.default_rng(seed).normal(3, 0.1, (n, width)).astype("float32")
    return pd.DataFrame(values, index=SYMBOLS[:n])


def test_rows_land_at_their_genes_by_any_name(prepared):
    vectors = pd.DataFrame(
        np.arange(3 * DIM, dtype=float).reshape(3, DIM), index=["CD3E", "ENSG00000010610", "not-a-gene"]
    )
    model = scellm.CellLM(prepared, gene_embeddings=vectors, rescale_genes=False, **SMALL)
    table = model.get_gene_embeddings()
    np.testing.assert_array_equal(table.loc["CD3E"], vectors.iloc[0])
    np.testing.assert_array_equal(table.loc["CD4"], vectors.iloc[1])
    assert table.shape == (19225, DIM)


def test_they_are_brought_to_the_variance_of_the_bins(prepared):
    vectors = given()
    table = scellm.CellLM(prepared, gene_embeddings=vectors, **SMALL).get_gene_embeddings()
    mine = table.iloc[:500].to_numpy()
    np.testing.assert_allclose(mine.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(mine.std(0), 1, atol=1e-4)
    np.testing.assert_allclose(mine, (vectors - vectors.mean()) / vectors.std(ddof=0), atol=1e-3)


@pytest.mark.parametrize("rescale", [True, False])
def test_genes_without_a_vector_differ_from_each_other_and_match_the_others_in_size(prepared, rescale):
    vectors = given()
    vectors.iloc[400:] = np.nan
    table = (
        scellm.CellLM(prepared, gene_embeddings=vectors, rescale_genes=rescale, **SMALL)
        .get_gene_embeddings()
        .to_numpy()
    )
    there, lacking = table[:400], table[400:]
    assert np.isfinite(table).all()
    assert len(np.unique(lacking, axis=0)) == len(lacking)
    np.testing.assert_allclose(lacking.mean(), there.mean(), atol=0.05)
    np.testing.assert_allclose(lacking.std(0).mean(), there.std(0).mean(), rtol=0.1)


@pytest.mark.parametrize("size", ["mini", "8m", "25m", "50m"])
def test_every_preset_takes_the_bundled_vectors(prepared, size):
    model = scellm.CellLM(prepared, size=size, gene_embeddings="string", train_genes=False)
    table = model.module.encoder.embedding.gene
    assert table.weight.shape == (19227, 128)
    assert model.get_gene_embeddings().shape == (19225, model.module.config.dim)
    assert (table.project is None) == (size == "mini")
    assert model.get_gene_embeddings().to_numpy().std() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("width", [DIM, 12])
@pytest.mark.parametrize("train_genes", [True, False])
def test_frozen_tables_stay_through_every_stage_and_others_learn(prepared, width, train_genes, tmp_path):
    model = scellm.CellLM(prepared, gene_embeddings=given(width=width), train_genes=train_genes, **SMALL)
    weight = lambda: model.module.encoder.embedding.gene.weight.detach().clone()
    start = weight()
    model.pretrain(max_steps=2, batch_size=30, lr=1e-2, **QUIET)
    model.train(max_epochs=1, tune="full", lr=1e-2, **QUIET)
    assert torch.equal(start, weight()) != train_genes
    vectors = model.get_latent_representation()
    model.save(tmp_path / "m")
    loaded = scellm.CellLM.load(tmp_path / "m", prepared)
    np.testing.assert_array_equal(loaded.get_latent_representation(), vectors)
    np.testing.assert_array_equal(loaded.get_gene_embeddings(), model.get_gene_embeddings())


def test_frozen_tables_work_with_a_slow_encoder(prepared):
    model = scellm.CellLM(prepared, gene_embeddings=given(), train_genes=False, **SMALL)
    model.pretrain(max_steps=2, batch_size=30, contrast="moco", **QUIET)


@pytest.mark.parametrize("name", ["v.csv", "v.csv.gz", "v.tsv", "v.parquet"])
def test_paths(prepared, tmp_path, name):
    vectors = given(20)
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="pandas reads parquet with pyarrow, which is not installed")
        vectors.rename(columns=str).to_parquet(tmp_path / name)
    else:
        vectors.to_csv(tmp_path / name, sep="\t" if "tsv" in name else ",")
    model = scellm.CellLM(prepared, gene_embeddings=tmp_path / name, rescale_genes=False, **SMALL)
    np.testing.assert_allclose(model.get_gene_embeddings().iloc[:20], vectors, rtol=1e-6)


def test_bad_vectors(prepared, tmp_path):
    with pytest.raises(ValueError, match="names no gene"):
        scellm.CellLM(prepared, gene_embeddings=given().set_axis([f"no-gene-{i}x" for i in range(500)]), **SMALL)
    with pytest.raises(ValueError, match="names no gene"):
        scellm.CellLM(prepared, gene_embeddings=given() * np.nan, **SMALL)
    with pytest.raises(ValueError, match=r"must hold numbers.*found \['gene'\]"):
        scellm.CellLM(prepared, gene_embeddings=given().assign(gene="a"), **SMALL)
    with pytest.raises(ValueError, match=r"'strng' is not known; expected \['random', 'string'\]"):
        scellm.CellLM(prepared, gene_embeddings="strng", **SMALL)
    with pytest.raises(FileNotFoundError, match="no such file"):
        scellm.CellLM(prepared, gene_embeddings=tmp_path / "no.csv", **SMALL)
    with pytest.raises(ValueError, match=r"16 columns and gene_dim=8\. Leave gene_dim out"):
        scellm.CellLM(prepared, gene_embeddings=given(), gene_dim=8, **SMALL)


def test_a_random_table_of_another_width(prepared):
    model = scellm.CellLM(prepared, gene_embeddings="random", gene_dim=5, **SMALL)
    assert model.module.encoder.embedding.gene.weight.shape[1] == 5
    assert model.get_gene_embeddings().shape[1] == DIM
    with pytest.raises(ValueError, match="gene_dim"):
        scellm.CellLM(prepared, gene_embeddings="random", gene_dim=0, **SMALL)


def test_the_default_is_what_measured_best(prepared):
    model = scellm.CellLM(prepared, dim=128, depth=1, heads=1, dim_head=8)
    string = scellm.train.graphmae.load_string_vectors()
    known = string.notna().all(axis=1)
    found = model.get_gene_embeddings()
    np.testing.assert_allclose(found[known].corrwith(string[known]), 1, atol=1e-4)
    assert model.module.config.train_genes
