import copy
import math

import numpy as np
import pytest
import torch

from scellm.data import Tokens
from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.train import (
    Chunk,
    ChunkForward,
    PretrainingConfig,
    contrastive_loss,
    gradient_cache,
    make_chunks,
    make_views,
)
from scellm.train._pretraining_plan import _chosen
from scellm.train.objectives._registry import make_heads, token_objectives
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
    config = make_config("mini", N_GENES, attention=attention, dropout=dropout, **{**SMALL, **options})
    made = CellLMModule(config, heads=make_heads())
    if options.get("pooling") == "expression":
        pooling = made.cell_encoder.pooling
        for layer in (pooling.gate, pooling.context):  # initially zero, so that the encoder would have no effect
            torch.nn.init.normal_(layer.weight)
    return made.double().train()


def gradients(m):
    return torch.cat([torch.zeros_like(p).ravel() if p.grad is None else p.grad.ravel() for p in m.parameters()])


def set_up(m, chunk_tokens, **options):
    config = PretrainingConfig(**options)
    tokens, malignancy = batch()
    n = 2 if config.contrastive else 0
    shared = config.masked_inputs == "shared"
    views = make_views(_chosen(token_objectives(), config), (tokens, tokens), n, share_masks=shared, mask_id=7, key=5)
    chunks = make_chunks(views, chunk_tokens, 0.05, seed=3, step=2)
    return chunks, ChunkForward(m, views, {"malignancy": malignancy})


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
    chunks, forward = set_up(m, chunk_tokens, masked_inputs=masked_inputs)
    found = gradient_cache(chunks, forward, loss, keep_tokens=keep)
    chunks, whole = set_up(reference, chunk_tokens, masked_inputs=masked_inputs)
    total = checkpointed_loss(chunks, whole, loss)
    total.backward()
    assert relative(gradients(m), gradients(reference)) <= 1e-10
    assert float(found.loss + found.local_loss) == pytest.approx(float(total.detach()), rel=1e-6)
    assert found.replay_error == 0
    assert found.kept[0] == (0 if keep == 0 else found.kept[1] if keep == math.inf else found.kept[0])
    if chunk_tokens == 1:
        assert len(chunks) == N_CELLS * len({c.view for c in chunks})


@pytest.mark.parametrize("chunk_tokens", [1, 40, 10_000])
@pytest.mark.parametrize("options", [{}, {"projector": 12}, {"projector": 12, "depth": 0, "hashed_dim": 0}])
def test_equals_the_whole_batch_with_the_pooling_of_the_shipped_weights(chunk_tokens, options):
    m = module(pooling="expression", **options)
    reference = copy.deepcopy(m)
    chunks, forward = set_up(m, chunk_tokens)
    gradient_cache(chunks, forward, loss)
    chunks, whole = set_up(reference, chunk_tokens)
    checkpointed_loss(chunks, whole, loss).backward()
    assert relative(gradients(m), gradients(reference)) <= 1e-10


def test_the_check_fails_without_replayed_dropout():
    """Without replayed dropout, the same comparison fails clearly."""
    m = module()
    chunks, forward = set_up(m, 40)
    forgetful = [Chunk(c.view, c.cells, 0, c.n_tokens, c.contrastive) for c in chunks]
    calls = iter(range(10**6))

    def run(chunk):
        torch.manual_seed(next(calls))
        return forward(chunk)

    divided = gradient_cache(forgetful, run, loss)
    reference = module()
    chunks, whole = set_up(reference, 40)
    checkpointed_loss(chunks, whole, loss).backward()
    assert relative(gradients(m), gradients(reference)) > 0.05
    assert divided.replay_error > 1e-3


@pytest.mark.parametrize("chunk_tokens", [1, 25, 100])
def test_without_dropout_no_cut_changes_anything(chunk_tokens):
    m, whole = module(dropout=0.0), module(dropout=0.0)
    for model, chunk in ((m, chunk_tokens), (whole, 10_000)):
        chunks, forward = set_up(model, chunk)
        gradient_cache(chunks, forward, loss)
    assert relative(gradients(m), gradients(whole)) <= 1e-10


def test_keeping_graphs_changes_no_bit():
    found = []
    for keep in (0, 80, math.inf):
        m = module().float()
        chunks, forward = set_up(m, 60)
        gradient_cache(chunks, forward, loss, keep_tokens=keep)
        found.append(gradients(m))
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_without_a_batch_loss_the_own_losses_remain():
    m, reference = module(), module()
    options = {"contrast": None, "objectives": ("masked", "malignancy")}
    chunks, forward = set_up(m, 40, **options)
    assert not any(c.contrastive for c in chunks)
    gradient_cache(chunks, forward, None)
    chunks, whole = set_up(reference, 40, **options)
    checkpointed_loss(chunks, whole, None).backward()
    assert relative(gradients(m), gradients(reference)) <= 1e-10


def test_no_random_state_is_left_changed():
    m = module()
    chunks, forward = set_up(m, 40)
    before = torch.get_rng_state()
    gradient_cache(chunks, forward, loss)
    assert torch.equal(before, torch.get_rng_state())


def test_under_autocast_the_two_passes_agree():
    m = module().float()
    chunks, forward = set_up(m, 60)
    with torch.autocast("cpu", torch.bfloat16):
        found = gradient_cache(chunks, forward, loss)
    assert found.replay_error == 0
    divided = gradients(m)
    m.zero_grad()
    chunks, forward = set_up(m, 60)
    with torch.autocast("cpu", torch.bfloat16):
        gradient_cache(chunks, forward, loss, keep_tokens=math.inf)
    assert torch.equal(divided, gradients(m))
