"""Time and memory of an epoch of GraphMAE on STRING, compared with the same step in plain PyG modules.

    python benchmarks/graphmae_epoch.py [epochs]

Each runs in its own process, and memory is the peak above the memory before the first epoch.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time

import torch
from _data import table
from gene_embeddings import network
from prepare import peak, rss_now

import scellm
from scellm.train.graphmae import GraphMAEConfig, make_graphmae, spectral_features
from scellm.train.graphmae._backend import load_backend
from scellm.train.graphmae._features import GivenFeatures, LearnedTable
from scellm.train.graphmae._train import _Trainer

CONFIG = GraphMAEConfig()


def ours(backend: str, features: str):
    """One epoch of scellm."""
    net = network()
    start = (
        GivenFeatures(spectral_features(net)) if features == "svd" else LearnedTable(len(net.genes), CONFIG.n_features)
    )
    model = make_graphmae(start, CONFIG, backend)
    run = _Trainer(model, CONFIG, net, load_backend(backend).make_graph, torch.device("cpu"), 0)
    adam = torch.optim.Adam(run.model.parameters(), lr=CONFIG.lr, weight_decay=CONFIG.weight_decay)
    return lambda: run.step(adam)


def plain():
    """The same step in a straightforward PyG implementation."""
    from torch import nn
    from torch.nn import functional as F
    from torch_geometric.nn import GATConv

    net = network()
    x = torch.from_numpy(spectral_features(net))
    edges, n = torch.from_numpy(net.edges()), len(net.genes)
    conv = lambda a, b, heads: GATConv(a, b // heads, heads, dropout=CONFIG.attention_dropout, add_self_loops=False)
    first, second, decoder = (
        conv(x.shape[1], CONFIG.width, 4),
        conv(CONFIG.width, CONFIG.dim, 4),
        conv(CONFIG.dim, x.shape[1], 1),
    )
    act, other, bridge, token = (
        nn.PReLU(),
        nn.PReLU(),
        nn.Linear(CONFIG.dim, CONFIG.dim, bias=False),
        nn.Parameter(torch.zeros(x.shape[1])),
    )
    weights = [p for m in (first, second, decoder, act, other, bridge) for p in m.parameters()]
    adam = torch.optim.Adam([*weights, token], lr=CONFIG.lr, weight_decay=CONFIG.weight_decay)

    def epoch():
        rows = torch.randperm(n)[: n // 2]
        shown = x.clone()
        noise = rows[: len(rows) // 20]
        shown[noise] = x[torch.randint(n, (len(noise),))]
        hidden = torch.zeros(n, 1)
        hidden[rows[len(noise) :]] = 1
        shown = shown * (1 - hidden) + hidden * token
        h = act(first(F.dropout(shown, 0.2), edges))
        z = bridge(other(second(F.dropout(h, 0.2), edges))).clone()
        z[rows] = 0
        decoded = decoder(F.dropout(z, 0.2), edges)[rows]
        loss = ((1 - F.cosine_similarity(decoded, x[rows])) ** CONFIG.gamma).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()

    return epoch


KINDS = {
    "plain PyG modules": plain,
    "scellm, pyg": lambda: ours("pyg", "svd"),
    "scellm, dgl": lambda: ours("dgl", "svd"),
    "scellm, dgl, identity": lambda: ours("dgl", "identity"),
}


def child(kind: str, epochs: int) -> None:
    epoch = KINDS[kind]()
    before = rss_now()
    epoch()
    start = time.perf_counter()
    for _ in range(epochs):
        epoch()
    print(json.dumps({"s": (time.perf_counter() - start) / epochs, "mib": (peak() - before) / 2**20}))


def main(epochs: int) -> None:
    found = {}
    for kind in KINDS:
        out = subprocess.run(
            [sys.executable, __file__, "--child", kind, str(epochs)], capture_output=True, text=True, check=True
        )
        found[kind] = json.loads(out.stdout.strip().splitlines()[-1])
    first = found["plain PyG modules"]["s"]
    print(
        table(
            [{"what": k, "s/epoch": v["s"], "of plain": v["s"] / first, "peak MiB": v["mib"]} for k, v in found.items()]
        )
    )


if __name__ == "__main__":
    scellm.settings.verbosity = logging.ERROR
    if "--child" in sys.argv:
        child(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
