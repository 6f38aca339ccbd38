import torch

from scellm.nn import Softmax, orthogonal_projection


def draw(b=2, h=3, n=9, d=8, m=24, dtype=torch.float64, seed=0, scale=1.0):
    torch.manual_seed(seed)
    q, k, v = (scale * torch.randn(b, h, n, d, dtype=dtype) for _ in range(3))
    return q, k, v, orthogonal_projection(m, d).to(dtype)


def test_softmax_is_the_plain_formula():
    q, k, v, w = draw()
    real = torch.arange(9)[None] < torch.tensor([9, 5])[:, None]
    out = Softmax()(q, k, v, real, w)
    score = (q @ k.mT) * q.shape[-1] ** -0.5
    want = score.masked_fill(~real[:, None, None], -torch.inf).softmax(-1) @ v
    torch.testing.assert_close(out, want, rtol=1e-10, atol=1e-12)
