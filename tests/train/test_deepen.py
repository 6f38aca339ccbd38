import pytest
import torch

from scellm.data import Tokens
from scellm.nn import make_config
from scellm.nn._module import CellLMModule
from scellm.train import deepen

GENES = 40


def module(seed=0, **options) -> CellLMModule:
    torch.manual_seed(seed)
    made = CellLMModule(make_config("mini", GENES, **{"dim": 16, "sketch": 8, "pooling": "expression", **options}), 3)
    if isinstance(made.pooling.gate, torch.nn.Linear):
        torch.nn.init.normal_(made.pooling.gate.weight)  # or the encoder would have no say
        torch.nn.init.normal_(made.pooling.context.weight)
    return made.eval()


@pytest.fixture
def tokens():
    rng = torch.Generator().manual_seed(0)
    gene = torch.cat([torch.randperm(GENES, generator=rng)[:n] for n in (7, 20, 1)])
    return Tokens(gene, torch.randint(6, (28,), generator=rng), torch.tensor([0, 7, 27, 28]))


@pytest.mark.parametrize("shallow", [0, 1])
def test_says_what_the_shallow_one_says(tokens, shallow):
    first, second = module(1, depth=shallow), module(2, depth=3)
    assert not torch.allclose(first.cells(tokens), second.cells(tokens))
    deepen(second, first)
    torch.testing.assert_close(second.cells(tokens), first.cells(tokens), rtol=0, atol=0)


def test_every_weight_of_the_new_blocks_can_learn(tokens):
    first, second = module(1, depth=0), module(2, depth=2)
    deepen(second, first)
    for _ in range(2):  # the layers before those that start at zero have a gradient once these have moved
        second.zero_grad()
        second.cells(tokens).square().sum().backward()
        with torch.no_grad():
            for p in second.encoder.parameters():
                p -= 1e-3 * p.grad
    assert all(bool(p.grad.abs().sum() > 0) for p in second.encoder.blocks.parameters())


@pytest.mark.parametrize("options", [{"dim": 8}, {"sketch": 4}, {"depth": 4}, {"attention": "softmax"}])
def test_refuses_other_shapes(options):
    second = module(2, depth=3)
    before = {k: v.clone() for k, v in second.state_dict().items()}
    with pytest.raises(ValueError, match="same shape and at most the same depth"):
        deepen(second, module(1, **{"depth": 1, **options}))
    assert all(torch.equal(v, before[k]) for k, v in second.state_dict().items())
