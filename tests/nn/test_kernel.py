import pytest
import torch

from scellm.nn import ATTENTIONS, AttentionKernel, Favor, Softmax


def test_it_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        AttentionKernel()


def test_kernels_have_no_parameters():
    for name in ("favor", "softmax"):
        assert not list(ATTENTIONS[name]().parameters())


def test_saved_values_grow_with_what_is_kept():
    assert Softmax.saved_values(4, 32, 110, 4) == 4 * 128
    small, large = Favor.saved_values(4, 32, 110, 4), Favor.saved_values(16, 64, 266, 4)
    assert small > 4 * 128 + 2 * 4 * 110, "features of a small model are kept"
    assert large < 4 * 1024 + 2 * 16 * 266, "those of a large one are recomputed"


@pytest.mark.parametrize("name", ["favor", "softmax"])
def test_the_estimate_is_near_what_autograd_saves(name):
    """Compare with the bytes that one call keeps, measured with torch's hooks."""
    b, h, n, d, m = 4, 4, 500, 32, 110
    q, k, v = (torch.randn(b, h, n, d, requires_grad=True) for _ in range(3))
    seen = {}

    def pack(x):
        seen[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        ATTENTIONS[name]()(q, k, v, None, torch.randn(m, d))
    estimate = ATTENTIONS[name].saved_values(h, d, m, 4) * 4 * b * n
    assert 0.6 < sum(seen.values()) / estimate < 1.4
