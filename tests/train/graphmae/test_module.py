import pytest
import torch

from scellm.train.graphmae._masking import Masking
from scellm.train.graphmae._module import scaled_cosine_error
from tests.reference import graphmae as reference
from tests.reference.ring import make


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
