import pytest
import torch

from scellm.data import Tokens
from scellm.module import CellLMModule, initialize_from_shallower
from scellm.nn import make_config

GENES = 40


def module(seed=0, **options) -> CellLMModule:
    torch.manual_seed(seed)
    made = CellLMModule(
        make_config("mini", GENES, **{"dim": 16, "hashed_dim": 8, "pooling": "expression", **options}), 3
    )
    if isinstance(made.cell_encoder.pooling.gate, torch.nn.Linear):
        torch.nn.init.normal_(made.cell_encoder.pooling.gate.weight)  # otherwise the encoder would have no effect
        torch.nn.init.normal_(made.cell_encoder.pooling.context.weight)
    return made.eval()


@pytest.fixture
def tokens():
    rng = torch.Generator().manual_seed(0)
    gene = torch.cat([torch.randperm(GENES, generator=rng)[:n] for n in (7, 20, 1)])
    return Tokens(gene, torch.randint(6, (28,), generator=rng), torch.tensor([0, 7, 27, 28]))


@pytest.mark.parametrize("shallow", [0, 1])
def test_gives_the_embeddings_of_the_shallow_one(tokens, shallow):
    first, second = module(1, depth=shallow), module(2, depth=3)
    assert not torch.allclose(first.embed(tokens), second.embed(tokens))
    initialize_from_shallower(second, first)
    torch.testing.assert_close(second.embed(tokens), first.embed(tokens), rtol=0, atol=0)


def test_every_weight_of_the_new_blocks_can_learn(tokens):
    first, second = module(1, depth=0), module(2, depth=2)
    initialize_from_shallower(second, first)
    for _ in range(2):  # layers before the zero layers have a gradient only after a step of these
        second.zero_grad()
        second.embed(tokens).square().sum().backward()
        with torch.no_grad():
            for p in second.cell_encoder.encoder.parameters():
                p -= 1e-3 * p.grad
    assert all(bool(p.grad.abs().sum() > 0) for p in second.cell_encoder.encoder.blocks.parameters())


@pytest.mark.parametrize("options", [{"dim": 8}, {"hashed_dim": 4}, {"depth": 4}, {"attention": "softmax"}])
def test_refuses_other_shapes(options):
    second = module(2, depth=3)
    before = {k: v.clone() for k, v in second.state_dict().items()}
    with pytest.raises(ValueError, match="same shape and at most the same depth"):
        initialize_from_shallower(second, module(1, **{"depth": 1, **options}))
    assert all(torch.equal(v, before[k]) for k, v in second.state_dict().items())
