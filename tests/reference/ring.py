"""A small GraphMAE on seven genes in a ring."""

import torch

from scellm.train.graphmae import GivenFeatures, GraphMAEConfig, make_graphmae
from scellm.train.graphmae._backend import load_backend

CONFIG = GraphMAEConfig(dim=6, hidden=8, heads=2, feature_dropout=0.0, attention_dropout=0.0)


def installed(name):
    try:
        load_backend(name)
    except ImportError:
        return False
    return True


def make(backend, path, seed=0):
    torch.manual_seed(seed)
    x = torch.randn(7, 5, dtype=torch.float64)
    model = make_graphmae(GivenFeatures(x.numpy()), CONFIG, backend).double()
    model.features.x = x
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))  # the token and the biases are initially 0, which could hide an error
    return model, load_backend(backend).make_graph(path[0], 7, torch.device("cpu"))
