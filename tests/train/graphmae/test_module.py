import numpy as np
import pytest
import torch

from scellm.train.graphmae import GraphMAEConfig, make_graphmae
from scellm.train.graphmae._backend import BACKENDS, load_backend
from scellm.train.graphmae._features import GivenFeatures
from scellm.train.graphmae._masking import Masking
from scellm.train.graphmae._module import scaled_cosine_error
from tests.reference import graphmae as reference


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


def plain(model):
    """Leaf copies of the parameters in the form of the reference, in the order of `own`."""
    copy = lambda t: t.detach().clone().squeeze(0).requires_grad_()
    layer = lambda a: (
        [copy(a.weights()[n]) for n in ("weight", "source", "target")]
        + [a.weights()["bias"].detach().clone().requires_grad_()]
    )
    return {
        "layers": [layer(a) for a in model.encoder.layers],
        "slopes": [copy(a.weight) for a in model.encoder.activations],
        "decoder": layer(model.decoder),
        "bridge": copy(model.bridge.weight),
        "token": model.token.detach().clone().requires_grad_(),
    }


def own(model):
    layer = lambda a: [a.weights()[n] for n in ("weight", "source", "target", "bias")]
    flat = [p for a in model.encoder.layers for p in layer(a)] + [a.weight for a in model.encoder.activations]
    return [*flat, *layer(model.decoder), model.bridge.weight, model.token]


def flat(p):
    return [*[w for layer in p["layers"] for w in layer], *p["slopes"], *p["decoder"], p["bridge"], p["token"]]


HIDDEN = Masking(torch.tensor([0, 3, 5]), torch.tensor([2]), torch.tensor([6]))


def test_loss_and_one_step_of_adam_against_the_dense_formula(backend, path):
    model, graph = make(backend, path)
    p = plain(model)
    p["decoder"] = [
        w.detach().clone().reshape(s).requires_grad_()
        for w, s in zip(p["decoder"], ((5, 6), (1, 5), (1, 5), (5,)), strict=True)
    ]
    expected = reference.loss(p, model.features.x, path[1], HIDDEN.token, HIDDEN.replaced, HIDDEN.by, 3.0)
    found = model.loss(HIDDEN, graph, graph)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    expected.backward()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=2e-4)
    found.backward()
    before = [w.detach().clone() for w in own(model)]
    adam.step()
    for w, start, r in zip(own(model), before, flat(p), strict=True):
        g = (r.grad.reshape(w.shape) if r.grad is not None else torch.zeros_like(w)) + 2e-4 * start
        m, v = 0.1 * g / (1 - 0.9), 0.001 * g**2 / (1 - 0.999)  # Adam's first step by hand
        torch.testing.assert_close(w.detach(), start - 1e-3 * m / (v.sqrt() + 1e-8), rtol=1e-9, atol=1e-10)


def test_hidden_genes_do_not_see_their_own_features(backend, path):
    model, graph = make(backend, path)
    before = model.loss(HIDDEN, graph, graph).item()
    x = model.features.x.clone()
    told = []
    cosine = type(model.features).cosine
    model.features.cosine = lambda t, rows: (told.append(t.detach().clone()), cosine(model.features, t, rows))[1]
    model.loss(HIDDEN, graph, graph)
    model.features.x = x.index_fill(0, torch.tensor([0, 2, 3, 5]), 9.0)
    model.loss(HIDDEN, graph, graph)
    torch.testing.assert_close(told[0], told[1], rtol=0, atol=0)
    assert before > 0


def test_scaled_cosine_error_of_a_cosine_above_one_is_zero():
    cosine = torch.tensor([1.0 + 1e-7, 0.5], requires_grad=True)
    loss = scaled_cosine_error(cosine, 1.5)
    loss.backward()
    assert torch.isfinite(cosine.grad).all()
    assert loss.item() == pytest.approx(0.5**1.5 / 2)
