import numpy as np
import pytest
import torch

from scellm.train.graphmae import GraphMAEConfig, make_graphmae
from scellm.train.graphmae._backend import BACKENDS, load_backend
from scellm.train.graphmae._features import GivenFeatures
from scellm.train.graphmae._masking import Masking


def installed(name):
    try:
        load_backend(name)
    except ImportError:
        return False
    return True


@pytest.fixture(params=list(BACKENDS))
def backend(request):
    if not installed(request.param):
        pytest.skip(f"the library behind backend={request.param!r} is not installed")
    return request.param


CONFIG = GraphMAEConfig(dim=6, hidden=8, heads=2, feature_dropout=0.0, attention_dropout=0.0)


@pytest.fixture
def path():
    """Seven genes in a ring with a chord, small enough for dense matrices."""
    pairs = np.array([[0, 1, 2, 3, 4, 5, 0, 1], [1, 2, 3, 4, 5, 6, 6, 4]])
    loops = np.arange(7)
    edges = np.concatenate([pairs, pairs[::-1], [loops, loops]], axis=1)
    adjacent = torch.zeros(7, 7, dtype=torch.bool)
    adjacent[edges[1], edges[0]] = True
    return edges, adjacent


def make(backend, path, seed=0):
    torch.manual_seed(seed)
    x = torch.randn(7, 5, dtype=torch.float64)
    model = make_graphmae(GivenFeatures(x.numpy()), CONFIG, backend).double()
    model.features.x = x
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))  # the token and the biases are initially 0, which could hide an error
    return model, load_backend(backend).make_graph(path[0], 7, torch.device("cpu"))


def own(model):
    layer = lambda a: [a.weights()[n] for n in ("weight", "source", "target", "bias")]
    flat = [p for a in model.encoder.layers for p in layer(a)] + [a.weight for a in model.encoder.activations]
    return [*flat, *layer(model.decoder), model.bridge.weight, model.token]


def flat(p):
    return [*[w for layer in p["layers"] for w in layer], *p["slopes"], *p["decoder"], p["bridge"], p["token"]]


HIDDEN = Masking(torch.tensor([0, 3, 5]), torch.tensor([2]), torch.tensor([6]))


@pytest.mark.skipif(
    not all(installed(b) for b in BACKENDS), reason="both back ends must be installed: scellm[graph,dgl]"
)
def test_the_same_weights_give_the_same_output(path):
    models = {b: make(b, path) for b in BACKENDS}
    (first, graph), (second, other) = models["pyg"], models["dgl"]
    with torch.no_grad():
        for a, b in zip(own(first), own(second), strict=True):
            b.copy_(a)
    torch.testing.assert_close(first.loss(HIDDEN, graph, graph), second.loss(HIDDEN, other, other), rtol=1e-10, atol=0)
    first.float(), second.float()
    torch.testing.assert_close(first(graph), second(other), rtol=1e-5, atol=1e-5)
