import pytest
import torch

from scellm._tokens import Tokens
from scellm.nn import ATTENTIONS, Attention, Softmax


def padded():
    return Tokens(torch.arange(7), torch.zeros(7, dtype=torch.long), torch.tensor([0, 5, 7])).pad(20, 6)


def test_is_the_formula_head_by_head():
    torch.manual_seed(0)
    made, cells = Attention(12, 3, 4, 8, Softmax()).double(), padded()
    b, n = cells.gene.shape
    x = torch.randn(b * n, 12, dtype=torch.float64)
    found = made(x, cells).view(b, n, 12)
    q, k, v = made.to_qkv(x).view(b, n, 3, 3, 4).permute(2, 0, 3, 1, 4)
    for i in range(b):
        real = cells.real[i]
        heads = [(q[i, h] @ k[i, h].T / 2).masked_fill(~real[None], -torch.inf).softmax(-1) @ v[i, h] for h in range(3)]
        want = made.to_out(torch.cat(heads, -1))
        torch.testing.assert_close(found[i][real], want[real], rtol=1e-12, atol=1e-12)


def test_rows_after_the_rectangle_are_ignored():
    torch.manual_seed(0)
    made, cells = Attention(12, 3, 4, 8, ATTENTIONS["favor"]()), padded()
    x = torch.randn(cells.n_tokens, 12)
    longer = torch.cat([x, torch.full((3, 12), 1e6)])
    found = made(longer, cells)
    assert len(found) == len(longer)
    torch.testing.assert_close(found[: len(x)], made(x, cells))


def test_redraw_follows_the_generator():
    made = [Attention(12, 3, 4, 8, Softmax()) for _ in range(2)]
    before = made[0].projection.clone()
    for one in made:
        one.redraw(torch.Generator().manual_seed(5))
    assert torch.equal(made[0].projection, made[1].projection)
    assert not torch.equal(made[0].projection, before)


@pytest.mark.parametrize("name", ["favor", "softmax"])
def test_the_registry_makes_kernels(name):
    assert Attention(12, 3, 4, 8, ATTENTIONS[name]()).kernel.max_padding == 0.05
