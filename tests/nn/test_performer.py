import pytest
import torch

from scellm.nn import Favor, PerformerPytorch, orthogonal_projection


def draw(b=2, h=3, n=9, d=8, m=24, dtype=torch.float64, seed=0, scale=1.0):
    torch.manual_seed(seed)
    q, k, v = (scale * torch.randn(b, h, n, d, dtype=dtype) for _ in range(3))
    return q, k, v, orthogonal_projection(m, d).to(dtype)


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
