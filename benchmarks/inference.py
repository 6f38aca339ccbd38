"""Inference time of the 50m preset on one thread, compared with performer-pytorch padded to 6,000 tokens as published.

    python benchmarks/inference.py [cells]

The reference is performer-pytorch's `Performer` of the published shape, on 6,000 tokens per cell and without its
embedding layer.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings

import torch
from _cells import random_cells, tokens_of
from _data import table

import scellm
from scellm.data import Tokens
from scellm.module import CellLMModule
from scellm.nn import make_config

N_GENES = 19_225


def seconds(work, repeat: int = 1) -> float:
    """Best of a few runs."""
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def module(attention: str = "favor") -> CellLMModule:
    torch.manual_seed(0)
    return CellLMModule(make_config("50m", N_GENES, attention=attention)).eval()


def peer(cells: int) -> float:
    """Seconds per cell of performer-pytorch at 6,000 tokens. Every cell costs the same, so a few are enough."""
    from performer_pytorch import Performer

    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    performer = Performer(dim=512, depth=10, heads=16, dim_head=64, causal=False).eval()
    x = torch.randn(cells, 6000, 512)
    mask = torch.ones(cells, 6000, dtype=torch.bool)
    return seconds(lambda: performer(x, mask=mask)) / cells


def ours(tokens: Tokens, attention: str = "favor", *, bf16: bool = False) -> float:
    """Seconds per cell. For bf16 the encoder's weights are cast once; the pooling's sum over genes stays in float32."""
    m = module(attention)
    if bf16:
        m.cell_encoder.encoder.bfloat16()
    return seconds(lambda: m.embed(tokens), 2) / tokens.n_cells


def main(cells: int) -> None:
    scellm.settings.verbosity = logging.ERROR
    torch.set_num_threads(1)
    with torch.inference_mode():
        theirs = peer(2)
        rows = []
        for name in ("eval/pbmc3k.h5ad", "eval/pancreas_baron_h1.h5ad"):
            tokens = tokens_of(name, cells)
            exact, half, softmax = ours(tokens), ours(tokens, bf16=True), ours(tokens, "softmax")
            rows.append(
                {
                    "cells": name.split("/")[1],
                    "genes per cell": int(tokens.lengths.float().mean()),
                    "performer-pytorch s/cell": theirs,
                    "favor s/cell": exact,
                    "times faster": theirs / exact,
                    "bf16, of float32": exact / half,
                    "softmax / favor time": softmax / exact,
                }
            )
            print(rows[-1], flush=True)
        print(table(rows))
        rows = []
        for n in (500, 1500, 3000, 6000):
            tokens = random_cells([n] * 2, N_GENES)
            favor, softmax = ours(tokens), ours(tokens, "softmax")
            rows.append(
                {"genes": n, "favor s/cell": favor, "softmax s/cell": softmax, "softmax / favor": softmax / favor}
            )
        print(table(rows))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
