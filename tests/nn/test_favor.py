import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scellm.nn import Favor, PerformerPytorch, Softmax, orthogonal_projection
from scellm.nn._favor import _Favor
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
    out = _Favor.apply(*inputs, None if bool(real.all()) else real, w, keep)
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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equals_performer_pytorch_on_unpadded_cells(dtype):
    pytest.importorskip("performer_pytorch", reason="needs scellm[performer]")
    q, k, v, w = draw(n=300, d=64, m=266, dtype=dtype)
    ours, theirs = Favor()(q, k, v, None, w), PerformerPytorch()(q, k, v, None, w)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_performer_pytorch_refuses_padding():
    pytest.importorskip("performer_pytorch", reason="needs scellm[performer]")
    q, k, v, w = draw()
    with pytest.raises(ValueError, match="cells of one length"):
        PerformerPytorch()(q, k, v, torch.zeros(2, 9, dtype=torch.bool), w)


def test_softmax_is_the_plain_formula():
    q, k, v, w = draw()
    real = torch.arange(9)[None] < torch.tensor([9, 5])[:, None]
    out = Softmax()(q, k, v, real, w)
    score = (q @ k.mT) * q.shape[-1] ** -0.5
    want = score.masked_fill(~real[:, None, None], -torch.inf).softmax(-1) @ v
    torch.testing.assert_close(out, want, rtol=1e-10, atol=1e-12)


def test_approaches_softmax_as_features_grow():
    q, k, v, _ = draw(h=4, n=40, scale=0.5)
    exact = Softmax()(q, k, v, None, orthogonal_projection(8, 8).double())
    off = [
        torch.stack(
            [(Favor()(q, k, v, None, orthogonal_projection(m, 8).double()) - exact).norm() for _ in range(5)]
        ).mean()
        / exact.norm()
        for m in (16, 256, 4096)
    ]
    assert off[0] > 1.5 * off[1] > 2 * off[2]
    assert off[2] < 0.1


def test_blocks_change_nothing(monkeypatch):
    q, k, v, w = draw(b=5, h=4, n=7)
    whole = Favor()(q, k, v, None, w)
    monkeypatch.setattr("scellm.nn._favor._BLOCK", 7 * 24 * 3)
    torch.testing.assert_close(Favor()(q, k, v, None, w), whole, rtol=1e-12, atol=1e-14)


def test_bf16_is_near_float32():
    q, k, v, w = draw(n=200, d=64, m=266, dtype=torch.float32)
    exact = Favor()(q, k, v, None, w)
    half = Favor()(q.bfloat16(), k.bfloat16(), v.bfloat16(), None, w)
    assert half.dtype == torch.bfloat16
    assert (half.float() - exact).norm() / exact.norm() < 0.02


def test_projection_is_orthogonal_in_groups_and_seeded():
    w = orthogonal_projection(20, 8, torch.Generator().manual_seed(1))
    assert torch.equal(w, orthogonal_projection(20, 8, torch.Generator().manual_seed(1)))
    gram = w[:8] @ w[:8].T
    assert torch.allclose(gram, torch.diag(gram.diag()), atol=1e-5)
