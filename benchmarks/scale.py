"""From one laptop to eight GPUs: operations counted, time measured on one thread here, and time computed elsewhere.

    OMP_NUM_THREADS=1 python benchmarks/scale.py [--docs]

torch counts the operations of matrix products while it runs an encoder forward and backward on cells of 1,000 genes.
The rate of this machine is what was counted divided by the time it took, so the first column of times is measured, up
to the number of cells. All others are computed: the same operations at a rate that is assumed and stated below. They
are for choosing a machine, not a promise.

A step of pretraining embeds each cell in two views, computes each chunk twice (no graph is kept), and its gradient.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd
import torch
from _data import markdown
from torch.utils.flop_counter import FlopCounterMode

from scellm._tokens import Tokens
from scellm.module import CellEncoder
from scellm.nn import make_config

GENES, VOCABULARY = 1000, 19_000
CELLS = {"mini": 16, "8m": 8, "25m": 4, "50m": 4}
VIEWS, PASSES = 2, 2
MACHINES = {
    "one GPU": 989e12 * 0.25,
    "eight GPUs": 8 * 989e12 * 0.25 * 0.9,
}
"""Operations per second: a quarter of the 989e12 that the data sheet of an H100 states for bf16 without sparsity, and
nine tenths of eight times that."""

LAPTOP = ("laptop, 8 cores", 0.5 * 8)
"""In threads of this machine: half of eight, as cores share their memory."""

FILL_A_GPU = ("25m", "50m")
"""Smaller models do not reach such a share: their matrices are small."""

TASKS = [("embed", 1e6), ("pretrain, once through", 2e6)]
DOCS = Path(__file__).parents[1] / "docs/user_guide/_scale.md"


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for size in CELLS for row in rows_of(size)]
    text = markdown(pd.DataFrame(rows))
    print(text)
    if args.docs:
        DOCS.write_text(text, encoding="utf-8")


def rows_of(size: str) -> list[dict]:
    """One row for each task."""
    forward, backward, rate = measure(size, CELLS[size])
    work = {"embed": forward, "pretrain, once through": VIEWS * (PASSES * forward + backward)}
    rows = []
    for task, n_cells in TASKS:
        operations = n_cells * work[task]
        row = {
            "model": size,
            "task": f"{task}, {n_cells:,.0f} cells",
            "operations per cell": f"{work[task] / 1e9:.1f}e9",
            "one thread here": duration(operations / rate),
        }
        row[LAPTOP[0]] = duration(operations / (LAPTOP[1] * rate))
        for name, speed in MACHINES.items():
            row[name] = duration(operations / speed) if size in FILL_A_GPU else "-"
        rows.append(row)
    return rows


def measure(size: str, n_cells: int) -> tuple[float, float, float]:
    """Operations of a forward and of a backward pass per cell, and operations per second of the forward pass."""
    torch.manual_seed(0)
    encoder = CellEncoder(make_config(size, VOCABULARY, dropout=0.0))
    gene = torch.stack([torch.randperm(VOCABULARY)[:GENES].sort().values for _ in range(n_cells)]).flatten()
    tokens = Tokens(gene, torch.randint(0, 6, gene.shape), torch.arange(n_cells + 1) * GENES)
    with torch.inference_mode():
        encoder.embed(tokens)  # warm
        begin = time.perf_counter()
        encoder.embed(tokens)
        seconds = time.perf_counter() - begin
        with FlopCounterMode(display=False) as counter:
            encoder.embed(tokens)
    forward = counter.get_total_flops()
    with FlopCounterMode(display=False) as counter:
        encoder.embed(tokens).sum().backward()
    backward = counter.get_total_flops() - forward
    return forward / n_cells, backward / n_cells, forward / seconds


def duration(seconds: float) -> str:
    """Seconds as minutes, hours or days."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} seconds"


if __name__ == "__main__":
    main()
