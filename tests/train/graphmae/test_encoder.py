import pytest
import torch

from scellm.train.graphmae import GraphEncoder
from scellm.train.graphmae._backend import GraphAttentionLayer


class Scale(GraphAttentionLayer):
    """A layer that returns twice the input."""

    def __init__(self):
        super().__init__()
        shapes = {"weight": (2, 2), "source": (1, 2), "target": (1, 2), "bias": (2,)}
        self.own = torch.nn.ParameterDict({k: torch.nn.Parameter(torch.ones(s)) for k, s in shapes.items()})

    def weights(self):
        return dict(self.own.items())

    def forward(self, x, graph):
        return 2 * x


def test_layers_in_a_row_with_their_activations():
    made = GraphEncoder([Scale(), Scale()])
    torch.testing.assert_close(made(torch.tensor([[1.0, -1.0]]), None), torch.tensor([[4.0, -4 * 0.25**2]]))


def test_dropout_in_training_only():
    made = GraphEncoder([Scale()], feature_dropout=0.5)
    assert (made.train()(torch.ones(100, 2), None) == 0).any()
    assert (made.eval()(torch.ones(100, 2), None) == 2).all()


def test_reset_follows_the_generator():
    made = [GraphEncoder([Scale(), Scale()]) for _ in range(2)]
    torch.nn.init.zeros_(made[0].activations[0].weight)
    for one in made:
        one.reset_parameters(torch.Generator().manual_seed(2))
    for a, b in zip(made[0].parameters(), made[1].parameters(), strict=True):
        assert torch.equal(a, b)
    assert made[0].activations[0].weight.item() == pytest.approx(0.25)
