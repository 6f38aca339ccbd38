"""Encoding and the divided contrastive step on a GPU: fused and plain FAVOR+, bf16 and float32, and exact softmax.

    python benchmarks/gpu.py [--size 50m] [--genes 500 1500 6000] [--cells 512] [--device cuda]

Cells have random genes, as many as the column says. Prints cells per second, the peak memory of the GPU, and how far
the fused kernels are from the plain version in float64 (results and gradients, as a share of their norm). Each figure
is the best of three after a first run. `--device cpu --size mini --genes 100 --cells 8` tries the script where there
is no GPU; nothing is fused there.
"""

from __future__ import annotations

import argparse
import logging
import os
import time
import warnings
from collections.abc import Callable

import pandas as pd
import torch
from _cells import random_cells
from _data import markdown

import scellm
from scellm.data import Tokens
from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.nn._favor_fused import SWITCH, can_fuse, difference
from scellm.train import contrastive_loss, gradient_cache
from scellm.train._batch_views import ChunkForward, make_chunks, make_views
from scellm.train._memory import chunk_tokens

N_GENES = 19_225
WAYS = {
    # name: (attention, dtype, whether the kernels may be fused)
    "FAVOR+, fused, bf16": ("favor", torch.bfloat16, True),
    "FAVOR+, plain, bf16": ("favor", torch.bfloat16, False),
    "FAVOR+, float32": ("favor", torch.float32, False),
    "exact softmax, bf16": ("softmax", torch.bfloat16, False),
}


def best_of_three(work: Callable[[], object], device: torch.device) -> float:
    """Seconds."""
    found = []
    for _ in range(4):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(time.perf_counter() - start)
    return min(found[1:])


def encode(module: CellLMModule, tokens: Tokens, chunk: int) -> None:
    with torch.inference_mode():
        module.embed(tokens, chunk)


def step(module: CellLMModule, tokens: Tokens, chunk: int) -> None:
    """The gradient of the contrastive loss of two views, every chunk computed twice."""
    module.zero_grad(set_to_none=True)
    views = make_views((), (tokens, tokens), 2, share_masks=False, mask_id=module.config.n_bins + 1, key=0)
    chunks = make_chunks(views, chunk, module.cell_encoder.encoder.max_padding, 0, 0)
    loss = lambda first, second: contrastive_loss(first, second, 0.05)
    devices = [tokens.gene.device.index or 0] if tokens.gene.is_cuda else []
    gradient_cache(chunks, ChunkForward(module, views), loss, devices=devices)


def row_of(name: str, size: str, tokens: Tokens, device: torch.device) -> dict[str, object]:
    """Cells per second of both tasks, or that memory did not suffice."""
    attention, dtype, fused = WAYS[name]
    os.environ[SWITCH] = "1" if fused else "0"
    torch.manual_seed(0)
    module = CellLMModule(make_config(size, N_GENES, attention=attention)).to(device)
    tokens, chunk = tokens.to(device), chunk_tokens(module.config, device, "auto")
    if fused and not can_fuse(
        torch.empty(0, 0, 0, module.config.dim_head, dtype=dtype, device=device), _projection(module)
    ):
        name += " (not used here)"
    row: dict[str, object] = {"way": name, "genes": int(tokens.lengths[0])}
    for task, work, mode in (("encoding", encode, False), ("divided step", step, True)):
        module.train(mode)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        try:
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                seconds = best_of_three(lambda work=work: work(module, tokens, chunk), device)
            row[f"{task}, cells/s"] = f"{tokens.n_cells / seconds:.0f}"
        except torch.OutOfMemoryError:
            row[f"{task}, cells/s"] = "out of memory"
        if device.type == "cuda":
            row[f"{task}, GiB"] = f"{torch.cuda.max_memory_allocated(device) / 2**30:.1f}"
    return row


def _projection(module: CellLMModule) -> torch.Tensor:
    return module.cell_encoder.encoder.blocks[0].attention.projection


def try_kernels(device: torch.device, shape: tuple[int, int]) -> None:
    """Print how far the kernels are from the plain version, or why they do not run."""
    for dtype in (torch.bfloat16, torch.float16) if device.type == "cuda" else ():
        try:
            print(dtype, "difference", difference(device, dtype, shape), flush=True)
        except Exception as error:  # noqa: BLE001  whatever a compiler or driver raises
            print(dtype, "kernels do not run:", error, flush=True)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="50m")
    parser.add_argument("--genes", type=int, nargs="*", default=[500, 1500, 6000])
    parser.add_argument("--cells", type=int, default=512)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR
    device = torch.device(args.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("This needs a GPU; --device cpu tries the script without one.")
        return
    config = make_config(args.size, N_GENES)
    try_kernels(device, (config.features, config.dim_head))
    rows = []
    for genes in args.genes:
        tokens = random_cells([genes] * args.cells, N_GENES)
        for name in WAYS:
            rows.append(row_of(name, args.size, tokens, device))
            print(rows[-1], flush=True)
    print(markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
