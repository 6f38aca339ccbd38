"""Memory and time of the contrastive loss with its gradient, whole and in tiles, each size in a process of its own.

    python benchmarks/tiled_loss.py [--cells 2048 8192 65536] [--dim 512]

The whole matrix is left out where it would take over 4 GB. Time is given beside that of one product of the two
embeddings in blocks, which no way of computing the loss can do without.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable

import torch

from scellm.train import contrastive_loss, tiled_contrastive_loss

WHOLE = 4 << 30
BLOCK = 2048


def measured(loss: Callable, cells: int, dim: int) -> tuple[float, float, float]:
    """Peak memory in MiB above that before, seconds, and seconds of one product."""
    torch.set_num_threads(1)
    a, b = (torch.randn(cells, dim, requires_grad=True) for _ in range(2))
    contrastive_loss(a[:16], b[:16]).backward()  # whatever is loaded at the first call
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    loss(a, b).backward()
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    begin = time.perf_counter()
    with torch.inference_mode():
        for rows in a.split(BLOCK):
            for columns in b.split(BLOCK):
                rows @ columns.T
    return peak / (1 if sys.platform == "darwin" else 1024), seconds, time.perf_counter() - begin


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="*", default=[2048, 8192, 65536])
    parser.add_argument("--dim", type=int, default=512)
    args = parser.parse_args()
    print("| cells | loss | peak MiB | seconds | products |\n| --- | --- | --- | --- | --- |")
    for cells in args.cells:
        for name, loss in (("whole", contrastive_loss), ("tiled", tiled_contrastive_loss)):
            if name == "whole" and 4 * cells**2 > WHOLE:
                continue
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                mib, seconds, product = pool.apply(measured, (loss, cells, args.dim))
            print(f"| {cells:,} | {name} | {mib:,.0f} | {seconds:.1f} | {seconds / product:.1f} |", flush=True)


if __name__ == "__main__":
    main()
