"""Figure 4 of the paper, on this machine: memory and time of a contrastive step, end-to-end or divided.

    python benchmarks/divide_and_conquer.py [memory limit in MiB]
    python benchmarks/divide_and_conquer.py --longest [memory limit in MiB]     # the second table alone, minutes

Cells have 400 random genes; the model is `mini` in float32. Each step runs in its own process, and memory is the peak
above the memory before the step. The second table gives, for each batch size, the longest cells whose step stays within
the limit.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import torch
from _cells import random_cells
from _data import table
from prepare import peak, rss_now

from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.train import ChunkForward, contrastive_loss, gradient_cache, make_chunks, make_views
from scellm.train._memory import bytes_per_token

N_GENES, CHUNK = 19_225, 8192
LENGTHS = (25, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800)
MOST_TOKENS = 52_000  # of a batch in one view: a longer divided step takes minutes, and no more memory


def child(batch: int, length: int, keep: float) -> None:
    """Measure one step, after a small one as a warm-up."""
    torch.manual_seed(0)
    module = CellLMModule(make_config("mini", N_GENES)).train()

    def step(tokens):
        views = make_views((), (tokens, tokens), 2, share_masks=False, mask_id=7, key=0)
        chunks = make_chunks(views, CHUNK, 0.05, 0, 0)
        return gradient_cache(chunks, ChunkForward(module, views), contrastive_loss, keep_tokens=keep)

    step(random_cells([length] * min(batch, 4), N_GENES))
    tokens = random_cells([length] * batch, N_GENES)
    before = rss_now()
    start = time.perf_counter()
    step(tokens)
    print(json.dumps({"s": time.perf_counter() - start, "mib": max(peak() - before, 0) / 2**20}))


def run(batch: int, length: int, keep: float, limit: float = math.inf) -> dict:
    """Measure the step in its own process."""
    out = subprocess.run(
        [sys.executable, __file__, "--child", str(batch), str(length), str(keep)],
        check=False,
        capture_output=True,
        text=True,
    )
    if out.returncode:
        return {"s": math.inf, "mib": math.inf}
    return json.loads(out.stdout.strip().splitlines()[-1])


def longest(batch: int, keep: float, limit: float, guess: float) -> int:
    """Longest cells, among some lengths, whose step stays within the limit; found from a guess on."""
    fits = lambda at: run(batch, LENGTHS[at], keep)["mib"] <= limit
    allowed = [n for n in LENGTHS if batch * n <= MOST_TOKENS]
    at = max((i for i, n in enumerate(allowed) if n <= guess), default=0)
    if fits(at):
        while at + 1 < len(allowed) and fits(at + 1):
            at += 1
        return allowed[at]
    while at > 0:
        at -= 1
        if fits(at):
            return allowed[at]
    return 0


def second_table(limit: float) -> None:
    """The longest cells within a limit, end-to-end and divided."""
    tokens = limit * 2**20 / bytes_per_token(make_config("mini", N_GENES)) / 2  # of two views
    found = []
    for batch in (16, 64, 256):
        end_to_end = longest(batch, math.inf, limit, tokens / batch)
        divided = longest(batch, 0, limit, math.inf)
        found.append({"cells": batch, "end-to-end": end_to_end, "divided, at least": divided})
        print(found[-1], flush=True)
    print(f"longest cells within {limit:.0f} MiB, among {', '.join(map(str, LENGTHS))}")
    print(table(found))


def main(limit: float) -> None:
    rows = []
    for batch in (32, 128, 512, 1024):
        divided = run(batch, 400, 0)
        whole = run(batch, 400, math.inf) if batch <= 256 else {"s": math.nan, "mib": math.nan}
        rows.append(
            {
                "cells": batch,
                "divided MiB": divided["mib"],
                "end-to-end MiB": whole["mib"],
                "divided ms/cell": 1e3 * divided["s"] / batch,
                "end-to-end ms/cell": 1e3 * whole["s"] / batch,
                "time ratio": divided["s"] / whole["s"],
            }
        )
        print(rows[-1], flush=True)
    print(table(rows))
    print(f"estimate of the graph: {bytes_per_token(make_config('mini', N_GENES)) / 1024:.1f} KiB per token")
    second_table(limit)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    if "--child" in sys.argv:
        child(int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    elif "--longest" in sys.argv:
        second_table(float(sys.argv[2]) if len(sys.argv) > 2 else 2000)
    else:
        main(float(sys.argv[1]) if len(sys.argv) > 1 else 2000)
