import numpy as np
import pytest
import torch

from scellm.train.graphmae import GraphMAEConfig, make_graphmae
from scellm.train.graphmae._backend import BACKENDS, load_backend
from scellm.train.graphmae._features import GivenFeatures


def installed(name):
    try:
        load_backend(name)
    except ImportError:
        return False
    return True


CONFIG = GraphMAEConfig(dim=6, hidden=8, heads=2, feature_dropout=0.0, attention_dropout=0.0)


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
