import numpy as np
import pytest
import torch
from torch.nn.functional import log_softmax

import scellm
from scellm._tokens import Tokens
from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.train import Denoise, make_chunks, make_views, profile_loss
from scellm.train._batch_views import ChunkForward
from scellm.train.objectives._denoise import source_profiles
from scellm.train.objectives._registry import make_heads
from tests.conftest import QUIET, SMALL, make_adata
from tests.train.test_batch_views import tokens

GENES = 50


def counted(seed):
    made = tokens(seed)
    count = torch.randint(1, 5, made.gene.shape, generator=torch.Generator().manual_seed(seed + 9))
    return Tokens(made.gene, made.bin, made.offsets, count)


def dense(cells):
    x = torch.zeros(cells.n_cells, GENES, dtype=torch.float64)
    row = torch.repeat_interleave(torch.arange(cells.n_cells), cells.lengths)
    return x.index_put_((row, cells.gene), cells.target.double())


def test_loss_is_the_multinomial_log_likelihood_a_molecule():
    logits, x = torch.randn(4, GENES, dtype=torch.float64), dense(counted(1))
    wanted = -(x * log_softmax(logits, 1)).sum(1) / x.sum(1)
    torch.testing.assert_close(profile_loss(logits, counted(1)), wanted)
    empty = Tokens(*(torch.zeros(n, dtype=torch.long) for n in (0, 0, 2)), target=torch.zeros(0, dtype=torch.long))
    assert profile_loss(logits[:1], empty).tolist() == [0]


def test_profiles_of_sources_are_means_shrunk_to_the_background():
    source, background = torch.tensor([0, 1, 1, 0]), log_softmax(torch.randn(GENES, dtype=torch.float64), 0)
    x = dense(counted(1))
    wanted = torch.stack([x[source == s].sum(0) + 1e4 * background.exp() for s in (0, 1)])
    found = source_profiles(counted(1), source, background)
    torch.testing.assert_close(found, (wanted / wanted.sum(1, keepdim=True)).log())


def module_of(**options):
    torch.manual_seed(0)
    shape = {**SMALL, "pooling": "sparse", "dropout": 0.0, **options}
    return CellLMModule(make_config("mini", GENES, **shape), heads=make_heads()).double()


def gradients(budget, *, masked=False):
    module, objective = module_of(), Denoise()
    with torch.no_grad():
        module.heads["denoise"].background.copy_(log_softmax(torch.randn(GENES, dtype=torch.float64), 0))
        module.heads["denoise"].map.normal_()
    objective.before_step(counted(0), {"source": torch.tensor([4, 4, 9, 9])})
    views = make_views(
        (scellm.train.MaskedExpression(),) if masked else (), (tokens(), tokens(1)), 0,
        share_masks=True, mask_id=7, key=1, cell_objectives=(objective,), target=counted(1),
    )  # fmt: skip
    forward = ChunkForward(module, views)
    for chunk in make_chunks(views, budget, 0.05, 0, 0):
        embeddings, local = forward(chunk)
        assert embeddings is None
        local.backward()
    return forward.sums, {n: p.grad for n, p in module.named_parameters() if p.grad is not None}


def test_loss_and_gradient_do_not_depend_on_the_cut():
    (one, whole), (other, cut) = gradients(10_000), gradients(1)
    assert one == pytest.approx(other, rel=1e-12)
    assert whole.keys() == cut.keys()
    assert "heads.denoise.map" in whole
    for name, grad in whole.items():
        torch.testing.assert_close(grad, cut[name], rtol=1e-10, atol=1e-12, msg=name)
    assert one["denoise"] == pytest.approx(gradients(10_000, masked=True)[0]["denoise"], rel=1e-12)  # input not masked


def test_without_gene_vectors_or_a_step_it_cannot_be_used():
    assert "no gene vectors" in Denoise().unavailable(module_of(pooling="mean"))
    assert Denoise().unavailable(module_of()) is None
    with pytest.raises(RuntimeError, match="before_step"):
        Denoise().loss(module_of(), torch.zeros(1, 8), counted(1), torch.zeros(1, dtype=torch.long))
    for function in (profile_loss, lambda x, t: source_profiles(t, torch.zeros(4, dtype=torch.long), x[0])):
        with pytest.raises(ValueError, match="target=counts"):
            function(torch.zeros(4, GENES), tokens())


def test_the_background_is_the_mean_profile_of_training_cells():
    module = module_of()
    Denoise().initialize(module, tokens())
    background = module.heads["denoise"].background.exp()
    assert float(background.sum()) == pytest.approx(1)
    weight = torch.ones(GENES, dtype=torch.float64).index_add_(0, tokens().gene, (tokens().bin.double() + 1) ** 2)
    torch.testing.assert_close(background.double(), weight / weight.sum())


def test_pretraining_with_it_lowers_the_loss_on_the_other_half():
    scellm.settings.seed = 0
    adata = make_adata(30)
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **{**SMALL, "pooling": "expression"})
    options = {"objectives": ("denoise",), "view": "split", "lr": 3e-3, "batch_size": 30}
    model.pretrain(max_steps=12, **options, **QUIET)
    loss = model.history["pretrain_denoise"]["pretrain_denoise"].to_numpy()
    assert loss[-4:].mean() < loss[:4].mean()
    assert np.isfinite(model.get_latent_representation()).all()


def test_it_needs_the_view_that_splits():
    adata = make_adata(20)
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **{**SMALL, "pooling": "expression"})
    with pytest.raises(ValueError, match="needs view='split'; found view='thin'"):
        model.pretrain(max_steps=1, objectives=("denoise",), view="thin", **QUIET)
