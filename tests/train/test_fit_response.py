import pytest
import torch

from scellm.nn import ResponseNetwork
from scellm.train import ResponseConfig
from scellm.train._fit_response import ResponseData, _batches, fit_response


def data(n=60, m=8, noise=0.1):
    torch.manual_seed(0)
    x, drugs = torch.randn(n, 10), torch.eye(m)
    y = x[:, :3] @ torch.randn(3, m) + noise * torch.randn(n, m)
    known = torch.rand(n, m) < 0.8
    return x, ResponseData(x.__getitem__, drugs, torch.where(known, y, 1e3), known)


def test_it_learns_and_never_reads_unknown_values():
    _, made = data()
    network = ResponseNetwork("additive", 10, 8)
    config = ResponseConfig(max_epochs=60, lr=0.01, batch_lines=16)
    history = fit_response(network, made, torch.arange(45), torch.arange(45, 60), config)
    losses = [row["validation_loss"] for row in history]
    assert min(losses) < 0.3 * losses[0]


def test_the_best_weights_stay():
    x, made = data()
    network = ResponseNetwork("additive", 10, 8)
    config = ResponseConfig(max_epochs=30, patience=3, lr=0.3, batch_lines=16)
    history = fit_response(network, made, torch.arange(45), torch.arange(45, 60), config)
    rows = torch.arange(45, 60)
    with torch.no_grad():
        error = (network(x[rows], made.drugs) - made.targets[rows])[made.known[rows]].square().mean()
    assert float(error) == pytest.approx(min(row["validation_loss"] for row in history), rel=1e-4)
    assert len(history) < 30  # stopped early


@pytest.mark.parametrize(("n", "sizes"), [(33, [16, 17]), (32, [16, 16]), (1, [1]), (34, [16, 16, 2])])
def test_no_batch_of_one_line(n, sizes):
    assert [len(b) for b in _batches(torch.arange(n), 16)] == sizes


def test_a_loss_that_is_not_finite():
    _, made = data()
    made.targets[0] = torch.nan
    made.known[0] = True
    with pytest.raises(FloatingPointError, match="the loss is not finite"):
        fit_response(ResponseNetwork("additive", 10, 8), made, torch.arange(45), torch.arange(45, 60), ResponseConfig())
