import numpy as np
import pandas as pd
import pytest
import torch

import scellm
from tests.conftest import QUIET, SMALL

DIM = SMALL["dim"]


SYMBOLS = scellm.genes.load_vocabulary().symbols


def given(n=500, width=DIM, seed=0):
    """Embeddings of the first genes, with mean 3 and a small variance."""
    values = np.random.default_rng(seed).normal(3, 0.1, (n, width)).astype("float32")
    return pd.DataFrame(values, index=SYMBOLS[:n])


@pytest.mark.parametrize("size", ["mini", "8m", "25m", "50m"])
def test_every_preset_takes_the_bundled_vectors(prepared, size):
    model = scellm.CellLM(prepared, size=size, gene_embeddings="string", train_genes=False)
    table = model.module.cell_encoder.encoder.embedding.gene
    assert table.weight.shape == (19227, 128)
    assert model.get_gene_embeddings().shape == (19225, model.module.config.dim)
    assert (table.project is None) == (size == "mini")
    assert model.get_gene_embeddings().to_numpy().std() == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("width", [DIM, 12])
@pytest.mark.parametrize("train_genes", [True, False])
def test_frozen_tables_stay_through_every_stage_and_others_learn(prepared, width, train_genes, tmp_path):
    model = scellm.CellLM(prepared, gene_embeddings=given(width=width), train_genes=train_genes, **SMALL)
    weight = lambda: model.module.cell_encoder.encoder.embedding.gene.weight.detach().clone()
    start = weight()
    model.pretrain(max_steps=2, batch_size=30, lr=1e-2, **QUIET)
    model.train(max_epochs=1, tune="full", lr=1e-2, **QUIET)
    assert torch.equal(start, weight()) != train_genes
    vectors = model.get_latent_representation()
    model.save(tmp_path / "m")
    loaded = scellm.CellLM.load(tmp_path / "m", prepared)
    np.testing.assert_allclose(loaded.get_latent_representation(), vectors, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(loaded.get_gene_embeddings(), model.get_gene_embeddings())


def test_frozen_tables_work_with_a_slow_encoder(prepared):
    model = scellm.CellLM(prepared, gene_embeddings=given(), train_genes=False, **SMALL)
    model.pretrain(max_steps=2, batch_size=30, contrast="moco", **QUIET)


def test_the_default_gene_embeddings_are_those_of_string(prepared):
    model = scellm.CellLM(prepared, dim=128, depth=1, heads=1, dim_head=8)
    string = scellm.genes.load_string_vectors()
    known = string.notna().all(axis=1)
    found = model.get_gene_embeddings()
    np.testing.assert_allclose(found[known].corrwith(string[known]), 1, atol=1e-4)
    assert model.module.config.train_genes


def test_genes_of_a_bag_are_those_of_its_pooling(prepared):
    bag = scellm.CellLM(prepared, **{**SMALL, "depth": 0}, gene_embeddings="random", gene_dim=1)
    found = bag.get_gene_embeddings()
    assert found.shape == (19225, 16)
    np.testing.assert_array_equal(found.to_numpy(), bag.module.cell_encoder.pooling.gene_vectors.detach().numpy())
