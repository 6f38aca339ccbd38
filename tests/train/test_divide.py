"""Guarantee 2: the divided step gives the whole batch's gradient, in float64, with dropout on, for any cut."""

import copy
import math

import numpy as np
import pytest
import torch

from scellm.data import Tokens
from scellm.nn import make_config
from scellm.nn._module import CellLMModule
from scellm.train import Recipe, contrastive_loss, divide_and_conquer
from scellm.train._passes import Losses, make_passes, make_units
from tests.conftest import SMALL
from tests.reference.step import checkpointed_loss

N_CELLS, N_GENES = 9, 50


def batch(seed=0):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 30, N_CELLS)
    gene = np.concatenate([rng.permutation(N_GENES)[:n] for n in lengths])
    offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]))
    tokens = Tokens(torch.from_numpy(gene), torch.from_numpy(rng.integers(0, 6, len(gene))), offsets)
    return tokens, torch.from_numpy(rng.integers(-1, 2, N_CELLS))


def module(attention="favor", dropout=0.2, **options):
    torch.manual_seed(1)
    made = CellLMModule(make_config("mini", N_GENES, attention=attention, dropout=dropout, **{**SMALL, **options}))
    if options.get("pooling") == "expression":
        for layer in (
            made.pooling.gate,
            made.pooling.context,
        ):  # they start at nothing, and the encoder would have no say
            torch.nn.init.normal_(layer.weight)
    return made.double().train()


def gradients(m):
    return torch.cat([torch.zeros_like(p).ravel() if p.grad is None else p.grad.ravel() for p in m.parameters()])


def set_up(m, chunk_tokens, recipe=None):
    recipe = recipe or Recipe(steps=1)
    tokens, origin = batch()
    passes = make_passes(recipe, tokens, tokens, origin, 7, key=5)
    return make_units(passes, chunk_tokens, 0.05, seed=3, step=2), Losses(m, passes), sum(p.vectors for p in passes)


def loss(a, b):
    return contrastive_loss(a, b, 0.1)


def relative(a, b):
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("attention", ["favor", "softmax"])
@pytest.mark.parametrize("keep", [0, 60, math.inf])
@pytest.mark.parametrize("chunk_tokens", [1, 40, 10_000])
@pytest.mark.parametrize("masked_inputs", ["separate", "shared"])
def test_equals_the_whole_batch(attention, keep, chunk_tokens, masked_inputs):
    m = module(attention)
    reference = copy.deepcopy(m)
    units, losses, n_views = set_up(m, chunk_tokens, Recipe(steps=1, masked_inputs=masked_inputs))
    found = divide_and_conquer(units, losses, loss, n_views, keep_tokens=keep)
    units, whole, _ = set_up(reference, chunk_tokens, Recipe(steps=1, masked_inputs=masked_inputs))
    total = checkpointed_loss(units, whole, loss, n_views)
    total.backward()
    assert relative(gradients(m), gradients(reference)) <= 1e-10
    assert float(found.loss + found.own) == pytest.approx(float(total.detach()), rel=1e-6)
    assert found.replay_error == 0
    assert found.kept[0] == (0 if keep == 0 else found.kept[1] if keep == math.inf else found.kept[0])
    if chunk_tokens == 1:
        assert len(units) == N_CELLS * len({u.view for u in units})


@pytest.mark.parametrize("chunk_tokens", [1, 40, 10_000])
@pytest.mark.parametrize("options", [{}, {"projector": 12}, {"projector": 12, "depth": 0, "sketch": 0}])
def test_equals_the_whole_batch_with_the_pooling_of_the_shipped_weights(chunk_tokens, options):
    m = module(pooling="expression", **options)
    reference = copy.deepcopy(m)
    units, losses, n_views = set_up(m, chunk_tokens)
    divide_and_conquer(units, losses, loss, n_views)
    units, whole, _ = set_up(reference, chunk_tokens)
    checkpointed_loss(units, whole, loss, n_views).backward()
    assert relative(gradients(m), gradients(reference)) <= 1e-10


def test_the_check_bites():
    """Without replayed dropout the same comparison fails, by far."""
    m = module()
    units, losses, _ = set_up(m, 40)
    forgetful = [type(u)(u.view, u.cells, 0, u.n_tokens) for u in units]
    calls = iter(range(10**6))

    def run(unit):
        torch.manual_seed(next(calls))
        return losses(unit)

    divided = divide_and_conquer(forgetful, run, loss, 2)
    reference = module()
    units, whole, _ = set_up(reference, 40)
    checkpointed_loss(units, whole, loss, 2).backward()
    assert relative(gradients(m), gradients(reference)) > 0.05
    assert divided.replay_error > 1e-3


@pytest.mark.parametrize("chunk_tokens", [1, 25, 100])
def test_without_dropout_no_cut_changes_anything(chunk_tokens):
    m, whole = module(dropout=0.0), module(dropout=0.0)
    for model, chunk in ((m, chunk_tokens), (whole, 10_000)):
        units, losses, n_views = set_up(model, chunk)
        divide_and_conquer(units, losses, loss, n_views)
    assert relative(gradients(m), gradients(whole)) <= 1e-10


def test_keeping_graphs_moves_no_bit():
    found = []
    for keep in (0, 80, math.inf):
        m = module().float()
        units, losses, n_views = set_up(m, 60)
        divide_and_conquer(units, losses, loss, n_views, keep_tokens=keep)
        found.append(gradients(m))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_without_a_batch_loss_the_own_losses_remain():
    m, reference = module(), module()
    recipe = Recipe(steps=1, contrast=None, objectives=("masked", "origin"))
    units, losses, n_views = set_up(m, 40, recipe)
    assert n_views == 0
    divide_and_conquer(units, losses, None, 0)
    units, whole, _ = set_up(reference, 40, recipe)
    checkpointed_loss(units, whole, None, 0).backward()
    assert relative(gradients(m), gradients(reference)) <= 1e-10


def test_no_random_state_is_left_changed():
    m = module()
    units, losses, n_views = set_up(m, 40)
    before = torch.get_rng_state()
    divide_and_conquer(units, losses, loss, n_views)
    assert torch.equal(before, torch.get_rng_state())


def test_under_autocast_the_two_passes_agree():
    m = module().float()
    units, losses, n_views = set_up(m, 60)
    with torch.autocast("cpu", torch.bfloat16):
        found = divide_and_conquer(units, losses, loss, n_views)
    assert found.replay_error == 0
    divided = gradients(m)
    m.zero_grad()
    units, losses, n_views = set_up(m, 60)
    with torch.autocast("cpu", torch.bfloat16):
        divide_and_conquer(units, losses, loss, n_views, keep_tokens=math.inf)
    assert torch.equal(divided, gradients(m))
