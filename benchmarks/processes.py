"""A pretraining step of `mini` in one process and in several on this machine, each with one thread.

    python benchmarks/processes.py [--sizes 1 2] [--cells 64] [--steps 3]

Prints the seconds of a step relative to one process, the share of time at which that would be perfect, and the largest
difference of a weight at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


def work(size: int, cells: int, steps: int, out: Path) -> None:
    """Pretrain, and write the seconds of each step but the first, and the weights."""
    import time

    import lightning.pytorch as pl
    import torch
    from _data import read

    import scellm

    torch.set_num_threads(1)
    scellm.settings.seed, scellm.settings.verbosity = 0, 40

    class Clock(pl.Callback):
        """Notes the time after each step, in the history, which comes back from processes that were forked."""

        def on_train_batch_end(self, _: Any, plan: Any, *__: Any) -> None:
            plan.history[-1]["at"] = time.perf_counter()

    adata = read("eval/pbmc3k.h5ad")
    scellm.pp.prepare(adata)
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, size="mini")
    several = {"devices": size, "strategy": "ddp_fork"} if size > 1 else {"devices": 1}
    options = {"accelerator": "cpu", "enable_progress_bar": False, "callbacks": [Clock()]}
    model.pretrain(batch_size=cells, max_steps=steps + 1, objectives=("masked", "contrastive"), **options, **several)
    at = model.history["pretrain_at"]["pretrain_at"].to_numpy()
    weights = np.concatenate([p.detach().numpy().ravel() for p in model.module.parameters()])
    np.save(out / f"{size}.npy", weights)
    (out / f"{size}.json").write_text(json.dumps({"seconds": np.diff(at).tolist()}))


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--cells", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(int(args.work[0]), args.cells, args.steps, Path(args.work[1]))
        return
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in args.sizes:
            command = [sys.executable, __file__, "--cells", str(args.cells), "--steps", str(args.steps)]
            subprocess.run(
                [*command, "--work", str(size), folder], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
            )
            seconds = json.loads((Path(folder) / f"{size}.json").read_text())["seconds"]
            found[size] = (float(np.median(seconds)), np.load(Path(folder) / f"{size}.npy"))
    one, weights = found[args.sizes[0]]
    print("| processes | time of a step | perfect | largest difference of a weight |\n| --- | --- | --- | --- |")
    for size, (seconds, other) in found.items():
        perfect = args.sizes[0] / size
        print(f"| {size} | {seconds / one:.2f} | {perfect:.2f} | {np.abs(other - weights).max():.1e} |")


if __name__ == "__main__":
    main()
