"""Small networks with real gene names."""

import numpy as np
import pandas as pd
import pytest
import torch

import scellm
from scellm.train.graphmae import BACKENDS, Network
from tests.reference.ring import installed


@pytest.fixture
def symbols():
    return scellm.genes.load_vocabulary().symbols


def groups(n=60, size=20, seed=0, inside=0.4, across=0.01):
    """Genes in groups that interact among themselves; every gene has a pair."""
    rng = np.random.default_rng(seed)
    group = np.arange(n) // size
    u, v = np.triu_indices(n, 1)
    kept = rng.random(len(u)) < np.where(group[u] == group[v], inside, across)
    kept |= (v == u + 1) & (group[u] == group[v])
    return np.stack([u[kept], v[kept]])


@pytest.fixture
def network():
    return Network(np.arange(100, 160), groups())


@pytest.fixture
def table(symbols):
    pairs = groups()
    return pd.DataFrame({"a": symbols[100 + pairs[0]], "b": symbols[100 + pairs[1]], "score": 700})


@pytest.fixture(params=list(BACKENDS))
def backend(request):
    if not installed(request.param):
        pytest.skip(f"the library behind backend={request.param!r} is not installed")
    return request.param


@pytest.fixture
def path():
    """Seven genes in a ring with a chord, small enough for dense matrices."""
    pairs = np.array([[0, 1, 2, 3, 4, 5, 0, 1], [1, 2, 3, 4, 5, 6, 6, 4]])
    loops = np.arange(7)
    edges = np.concatenate([pairs, pairs[::-1], [loops, loops]], axis=1)
    adjacent = torch.zeros(7, 7, dtype=torch.bool)
    adjacent[edges[1], edges[0]] = True
    return edges, adjacent
