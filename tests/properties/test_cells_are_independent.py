"""Guarantee 1: a cell's embedding depends on that cell alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import scellm
from scellm.data import Tokens
from scellm.module import CellLMModule
from scellm.nn import make_config
from tests.conftest import SMALL, make_adata

LENGTHS = st.lists(st.integers(0, 40), min_size=1, max_size=12)


def module(attention, pooling="sparse"):
    torch.manual_seed(0)
    made = CellLMModule(make_config("mini", 60, attention=attention, pooling=pooling, hashed_dim=20, **SMALL)).eval()
    if pooling == "expression":
        pooling = made.cell_encoder.pooling
        for layer in (pooling.gate, pooling.context):  # initially zero, so that the encoder would have no effect
            torch.nn.init.normal_(layer.weight)
    return made


def cells(lengths, seed):
    rng = np.random.default_rng(seed)
    gene = np.concatenate([rng.permutation(60)[:n] for n in lengths] or [np.zeros(0)]).astype(np.int64)
    bins = rng.integers(0, 6, len(gene))
    return Tokens(
        torch.from_numpy(gene), torch.from_numpy(bins), torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]))
    )


@pytest.mark.parametrize(
    ("attention", "pooling"), [("favor", "sparse"), ("softmax", "sparse"), ("favor", "expression")]
)
@given(LENGTHS, st.integers(0, 10**6), st.integers(1, 400), st.randoms())
@settings(deadline=None, max_examples=25)
def test_batch_order_neighbours_padding_and_gene_order(attention, pooling, lengths, seed, budget, random):
    m, tokens = module(attention, pooling), cells(lengths, seed)
    with torch.inference_mode():
        alone = torch.cat([m.embed(tokens.select(torch.tensor([i]))) for i in range(tokens.n_cells)])
        together = m.embed(tokens, budget)
        one_rectangle = m(tokens.pad(60, 6))
        order = list(range(tokens.n_cells))
        random.shuffle(order)
        shuffled = m.embed(tokens.select(torch.tensor(order)), budget)
        within = torch.cat([torch.randperm(n) + int(tokens.offsets[i]) for i, n in enumerate(lengths)])
        genes = m.embed(Tokens(tokens.gene[within], tokens.bin[within], tokens.offsets))
    assert torch.isfinite(alone).all()
    scale = float(alone.abs().max())
    for other in (together, one_rectangle, genes):
        torch.testing.assert_close(other, alone, rtol=1e-5, atol=1e-5 * scale)
    torch.testing.assert_close(shuffled, alone[order], rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize("attention", ["favor", "softmax", "performer-pytorch"])
def test_through_the_model(attention):
    if attention == "performer-pytorch":
        pytest.importorskip("performer_pytorch", reason="needs scellm[performer]")
    adata = make_adata(40)
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, attention=attention, **SMALL)
    model.is_trained_ = True
    z = model.get_latent_representation()
    scale = np.abs(z).max()

    def same(other, want=z):
        np.testing.assert_allclose(other, want, rtol=1e-5, atol=1e-5 * scale)

    assert z.dtype == np.float32
    for size in (1, 3, 40):
        same(model.get_latent_representation(batch_size=size))
    rows = [7, 3, 39, 3]
    same(model.get_latent_representation(indices=rows), z[rows])
    columns = np.random.default_rng(0).permutation(adata.n_vars)
    other = make_adata(40)[:, columns].copy()
    same(model.get_latent_representation(other))
    for dtype in (np.int32, np.float64):
        same(model.get_latent_representation(make_adata(40, dtype=dtype)))


def test_workers_change_nothing():
    adata = make_adata(40)
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    model.is_trained_ = True
    z = model.get_latent_representation(batch_size=10)
    scellm.settings.dl_num_workers = 2
    try:
        np.testing.assert_array_equal(model.get_latent_representation(batch_size=10), z)
    finally:
        scellm.settings.dl_num_workers = 0
