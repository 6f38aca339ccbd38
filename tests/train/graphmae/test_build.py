import numpy as np
import pytest
import torch

from scellm.train.graphmae import make_graphmae
from scellm.train.graphmae._backend import BACKENDS
from scellm.train.graphmae._features import GivenFeatures
from tests.reference.ring import CONFIG, installed


def own(model):
    layer = lambda a: [a.weights()[n] for n in ("weight", "source", "target", "bias")]
    flat = [p for a in model.encoder.layers for p in layer(a)] + [a.weight for a in model.encoder.activations]
    return [*flat, *layer(model.decoder), model.bridge.weight, model.token]


def flat(p):
    return [*[w for layer in p["layers"] for w in layer], *p["slopes"], *p["decoder"], p["bridge"], p["token"]]


@pytest.mark.skipif(
    not all(installed(b) for b in BACKENDS), reason="both back ends must be installed: scellm[graph,dgl]"
)
def test_all_back_ends_have_the_same_initial_weights():
    start = {}
    for b in BACKENDS:
        torch.manual_seed(3)
        start[b] = own(make_graphmae(GivenFeatures(np.ones((7, 5))), CONFIG, b))
    for a, b in zip(start["pyg"], start["dgl"], strict=True):
        assert torch.equal(a.flatten(), b.flatten())
