import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scellm.nn import Favor, orthogonal_projection
from scellm.nn._favor_kernel import FavorFunction
from tests.reference.favor import favor


def draw(b=2, h=3, n=9, d=8, m=24, dtype=torch.float64, seed=0, scale=1.0):
    torch.manual_seed(seed)
    q, k, v = (scale * torch.randn(b, h, n, d, dtype=dtype) for _ in range(3))
    return q, k, v, orthogonal_projection(m, d).to(dtype)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(0, 10**6), st.booleans())
@settings(deadline=None, max_examples=40)
def test_formula_and_gradient_with_padding(lengths, seed, keep):
    q, k, v, w = draw(len(lengths), n=max(lengths), seed=seed)
    real = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    # padding may hold anything
    k = torch.where(real[:, None, :, None], k, 40.0)
    inputs = [x.requires_grad_() for x in (q, k, v)]
    out = FavorFunction.apply(*inputs, None if bool(real.all()) else real, w, keep)
    weight = torch.randn_like(out) * real[:, None, :, None]
    got = torch.autograd.grad((out * weight).sum(), inputs)
    want_out = [favor(q[i, :, :n], k[i, :, :n], v[i, :, :n], w) for i, n in enumerate(lengths)]
    want = torch.autograd.grad(
        sum((o * weight[i, :, :n]).sum() for (i, n), o in zip(enumerate(lengths), want_out, strict=True)), inputs
    )
    for i, n in enumerate(lengths):
        torch.testing.assert_close(out[i, :, :n], want_out[i], rtol=1e-12, atol=1e-13)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    q, k, v, w = draw(b=5, h=4, n=7)
    whole = Favor()(q, k, v, None, w)
    monkeypatch.setattr("scellm.nn._favor_kernel._BLOCK", 7 * 24 * 3)
    torch.testing.assert_close(Favor()(q, k, v, None, w), whole, rtol=1e-12, atol=1e-14)


def test_bf16_is_near_float32():
    q, k, v, w = draw(n=200, d=64, m=266, dtype=torch.float32)
    exact = Favor()(q, k, v, None, w)
    half = Favor()(q.bfloat16(), k.bfloat16(), v.bfloat16(), None, w)
    assert half.dtype == torch.bfloat16
    assert (half.float() - exact).norm() / exact.norm() < 0.02
