import pytest
import torch

from scellm.nn._dropout import dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_share_mean_and_gradient(p):
    torch.manual_seed(0)
    x = torch.ones(1000, 203, requires_grad=True)
    y = dropout(x, p, training=True)
    assert abs((y == 0).float().mean() - p) < 0.005
    assert abs(y.mean() - 1) < 0.03
    y.sum().backward()
    assert torch.equal(x.grad, y)


def test_values_are_dropped_independently():
    torch.manual_seed(0)
    kept = (dropout(torch.ones(4000, 8), 0.25, training=True) > 0).float()
    correlation = torch.corrcoef(kept.T) - torch.eye(8)
    assert correlation.abs().max() < 0.06


def test_nothing_to_do():
    x = torch.randn(5)
    assert dropout(x, 0.1, training=False) is x
    assert dropout(x, 0.0, training=True) is x


def test_follows_torchs_seed():
    x = torch.ones(50)
    torch.manual_seed(3)
    a = dropout(x, 0.3, training=True)
    torch.manual_seed(3)
    assert torch.equal(a, dropout(x, 0.3, training=True))
