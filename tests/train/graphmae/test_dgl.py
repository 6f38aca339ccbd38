import pytest
import torch

from scellm.train.graphmae._backend import BACKENDS
from scellm.train.graphmae._masking import Masking
from tests.reference.ring import installed, make


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
