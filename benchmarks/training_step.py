"""One training step, compared with performer-pytorch on the same tokens, padded to the longest cell.

    python benchmarks/training_step.py [cells]

Both have the `8m` shape, with dropout 0.1 and in float32. Time is of the forward and the backward pass; memory is that
of the tensors that autograd saves for the backward pass, each counted once.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings

import torch
from _cells import tokens_of
from _data import table
from torch import nn

import scellm
from scellm.module import CellLMModule
from scellm.nn import make_config

N_GENES = 19_225


class Saved:
    """Counts the bytes that autograd saves, each storage once."""

    def __init__(self) -> None:
        self.seen: dict[int, int] = {}
        self.kept: list[torch.Tensor] = []

    def __enter__(self):
        def pack(x):
            storage = x.untyped_storage()
            if storage.data_ptr() not in self.ignored and storage.data_ptr() not in self.seen:
                self.seen[storage.data_ptr()] = storage.nbytes()
                self.kept.append(x)
            return x

        self.hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x)
        self.hooks.__enter__()
        return self

    def ignoring(self, parameters) -> Saved:
        """Leave out parameters, which are not activations."""
        self.ignored = {p.untyped_storage().data_ptr() for p in parameters}
        return self

    def __exit__(self, *exc) -> None:
        self.hooks.__exit__(*exc)

    @property
    def mib(self) -> float:
        return sum(self.seen.values()) / 2**20


def step(parameters, forward, repeat: int = 2) -> tuple[float, float]:
    """Seconds of a step, and MiB that autograd saves."""
    parameters, best, mib = list(parameters), float("inf"), 0.0
    for _ in range(repeat):
        start = time.perf_counter()
        with Saved().ignoring(parameters) as saved:
            loss = forward()
        mib = saved.mib
        del saved
        loss.backward()
        best = min(best, time.perf_counter() - start)
    return best, mib


def main(cells: int) -> None:
    from performer_pytorch import Performer

    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR
    tokens = tokens_of("eval/pbmc3k.h5ad", cells)
    torch.manual_seed(0)
    config = make_config("8m", N_GENES)
    m = CellLMModule(config).train()
    ours = step(m.parameters(), lambda: m.embed(tokens).square().mean())

    options = {"ff_dropout": 0.1, "attn_dropout": 0.1}
    performer = Performer(
        dim=config.dim, depth=config.depth, heads=config.heads, dim_head=config.dim_head, causal=False, **options
    ).train()
    gene, bins = nn.Embedding(N_GENES + 2, config.dim), nn.Embedding(8, config.dim)
    padded = tokens.pad(N_GENES, 6)
    mask = padded.real if padded.real is not None else torch.ones_like(padded.gene, dtype=torch.bool)

    def forward():
        x = performer(gene(padded.gene) + bins(padded.bin), mask=mask)
        return (x * mask[..., None]).sum(1).square().mean()

    theirs = step([*performer.parameters(), *gene.parameters(), *bins.parameters()], forward)
    print(
        table(
            [
                {
                    "what": what,
                    "seconds": s,
                    "MiB saved": mib,
                    "time of peer": s / theirs[0],
                    "memory of peer": mib / theirs[1],
                }
                for what, (s, mib) in {"performer-pytorch, padded": theirs, "scellm": ours}.items()
            ]
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
