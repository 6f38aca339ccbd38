from dataclasses import replace

import numpy as np
import pytest
import torch

import scellm
from scellm.model._contributions import contributions, integrated_gradients
from tests.conftest import QUIET, SMALL


def trained(prepared, **shape):
    model = scellm.CellLM(prepared, **{**SMALL, **shape})
    model.train(**QUIET)
    return model


def score_of(model, cell_type=0):
    def score(z):
        logits = model.module.type_logits(z)
        return logits[:, cell_type] - logits.mean(1)

    return score


def cells_of(model, rows=(0, 4, 9)):
    from scellm._tokens import Tokens

    encoder = model.module.double().eval().cell_encoder
    (batch,) = model._loader(model.adata, np.array(rows), None)
    return encoder, encoder.pad(Tokens.of(batch))


@pytest.mark.parametrize("pooling", ["sparse", "mean", "expression", "cls"])
def test_they_add_up_to_the_change_of_the_score(prepared, pooling):
    model = trained(prepared, pooling=pooling, attention="softmax")
    encoder, cells = cells_of(model)
    found, error = integrated_gradients(encoder, cells, score_of(model), 100)
    score = score_of(model)
    silent = score(encoder(replace(cells, presence=(cells.gene >= encoder.config.n_genes).double())))
    change = (score(encoder(cells)) - silent).detach()
    torch.testing.assert_close(found.sum(1), change, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(error, found.sum(1) - change)
    assert (found[:, 0] == 0).all()
    assert (found[cells.gene > encoder.config.n_genes] == 0).all()


def test_captum_finds_the_same(prepared):
    captum = pytest.importorskip("captum.attr")
    model = trained(prepared, pooling="expression", attention="softmax")
    encoder, cells = cells_of(model, (4,))
    score, is_gene = score_of(model), cells.gene < encoder.config.n_genes
    found, _ = integrated_gradients(encoder, cells, score, 60)

    def of_presence(presence):  # captum asks for many points of the path at once: copies of the cell
        n = len(presence)
        many = replace(cells, gene=cells.gene.expand(n, -1), bin=cells.bin.expand(n, -1), real=None, presence=presence)
        return score(encoder(many))

    whole = torch.ones(cells.gene.shape, dtype=torch.float64)
    baseline = torch.where(is_gene, 0.0, 1.0).double()
    want = captum.IntegratedGradients(of_presence).attribute(whole, baseline, n_steps=4000, internal_batch_size=50)
    torch.testing.assert_close(found, want, rtol=2e-3, atol=2e-4 * float(want.abs().max()))


def test_without_attention_a_gene_s_part_can_be_computed_by_hand(prepared):
    model = trained(prepared, pooling="expression", depth=0)
    encoder, cells = cells_of(model)
    pooling, weight = encoder.pooling, model.module.annotation_head.weight
    found, error = integrated_gradients(encoder, cells, score_of(model, 1), 12)
    gene = cells.gene.clamp(max=pooling.n_genes - 1)
    level = (pooling.level[cells.bin] + pooling.gain[gene]).exp().masked_fill(cells.gene >= pooling.n_genes, 0)
    row = level / level.norm(dim=1, keepdim=True)
    d = encoder.config.dim
    direction = (weight - weight.mean(0))[1]
    by_hand = row * (pooling.weight[gene] @ direction[:d] / d**0.5)
    by_hand = by_hand + row * pooling.hashed_weight[gene] * direction[d + pooling.hashed_index[gene]]
    torch.testing.assert_close(found, by_hand.detach(), rtol=1e-6, atol=1e-9)
    assert error.abs().max() < 1e-8


def test_all_cells_at_once(prepared):
    model = trained(prepared)
    types = np.arange(60) % 3
    found, errors = contributions(model, prepared, types, 10, batch_size=16)
    again, _ = contributions(model, prepared, types, 10)
    np.testing.assert_allclose(found.toarray(), again.toarray(), rtol=1e-3, atol=1e-5)
    assert errors.shape == (60,)
    assert found.dtype == np.float32
    assert ((found != 0) > (prepared.layers["celllm_bins"] != 0)).nnz == 0
