import torch

from scellm.nn import Favor, Softmax, orthogonal_projection


def draw(b=2, h=3, n=9, d=8, m=24, dtype=torch.float64, seed=0, scale=1.0):
    torch.manual_seed(seed)
    q, k, v = (scale * torch.randn(b, h, n, d, dtype=dtype) for _ in range(3))
    return q, k, v, orthogonal_projection(m, d).to(dtype)


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


def test_projection_is_orthogonal_in_groups_and_seeded():
    w = orthogonal_projection(20, 8, torch.Generator().manual_seed(1))
    assert torch.equal(w, orthogonal_projection(20, 8, torch.Generator().manual_seed(1)))
    gram = w[:8] @ w[:8].T
    assert torch.allclose(gram, torch.diag(gram.diag()), atol=1e-5)
