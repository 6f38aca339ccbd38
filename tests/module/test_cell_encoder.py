import pytest
import torch

from scellm._tokens import Tokens
from scellm.module import CellEncoder
from scellm.nn import make_config

GENES = 30


def encoder(**options):
    torch.manual_seed(0)
    return CellEncoder(
        make_config("mini", GENES, **{"dim": 16, "depth": 1, "heads": 2, "dim_head": 8, **options})
    ).eval()


@pytest.fixture
def tokens():
    generator = torch.Generator().manual_seed(1)
    gene = torch.cat([torch.randperm(GENES, generator=generator)[:n] for n in (4, 0, 11)])
    return Tokens(gene, torch.randint(6, (15,), generator=generator), torch.tensor([0, 4, 4, 15]))


@pytest.mark.parametrize("pooling", ["sparse", "expression", "mean", "cls"])
def test_forward_is_embed_of_one_rectangle(tokens, pooling):
    made = encoder(pooling=pooling, hashed_dim=5)
    embeddings = made(made.pad(tokens))
    assert embeddings.shape == (3, made.config.cell_dim)
    torch.testing.assert_close(made.embed(tokens, max_tokens=1), embeddings, rtol=1e-5, atol=1e-6)
    assert made.embed(tokens.select(torch.zeros(0, dtype=torch.long))).shape == (0, made.config.cell_dim)


def test_hooks_see_every_forward_pass(tokens):
    made, seen = encoder(), []
    made.register_forward_hook(lambda module, args, out: seen.append(len(out)))
    made.embed(tokens, max_tokens=1)
    assert sum(seen) == 3


def test_bins_start_in_order_and_the_pooling_reads_them():
    made = encoder()
    before = made.encoder.embedding.bin.weight.detach().clone()
    made.initialize_bins(step=3.0)
    moved = (made.encoder.embedding.bin.weight - before)[: made.config.n_bins]
    direction = made.pooling.scalar.weight[0]
    torch.testing.assert_close(moved, 3.0 * torch.arange(1, 7)[:, None] * direction)
    assert torch.equal(made.encoder.embedding.bin.weight[6:], before[6:])


def test_a_step_of_zero_changes_nothing():
    made = encoder()
    before = {k: v.clone() for k, v in made.state_dict().items()}
    made.initialize_bins(step=0.0)
    assert all(torch.equal(v, before[k]) for k, v in made.state_dict().items())
