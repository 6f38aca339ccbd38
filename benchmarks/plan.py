"""What `scellm.plan` expects of a run, and what the run then takes, each run in a process of its own.

    python benchmarks/plan.py

Time and peak memory as expected and as found, and expected / found. The plan of a run is made in another process, from
the same data in memory.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
import warnings

from _data import read, table

import scellm
from scellm._peak_memory import peak_memory

RUNS = {
    "embed, celllm-bag, PBMC": ("eval/pbmc3k.h5ad", "celllm-bag", "embed", {}),
    "embed, celllm-mini, PBMC": ("eval/pbmc3k.h5ad", "celllm-mini", "embed", {}),
    "annotate, celllm-immune, PBMC": ("eval/pbmc3k.h5ad", "celllm-immune", "annotate", {}),
    "pretrain, mini, PBMC, 4 steps of 128": (
        "eval/pbmc3k.h5ad",
        "mini",
        "pretrain",
        {"max_steps": 4, "batch_size": 128, "accelerator": "cpu", "enable_progress_bar": False},
    ),
    "pretrain, mini, PBMC, 30 steps of 8": (
        "eval/pbmc3k.h5ad",
        "mini",
        "pretrain",
        {"max_steps": 30, "batch_size": 8, "accelerator": "cpu", "enable_progress_bar": False},
    ),
    "pretrain, mini in bf16, pancreas, 3 steps of 64": (
        "eval/pancreas_baron_h1.h5ad",
        "mini",
        "pretrain",
        {
            "max_steps": 3,
            "batch_size": 64,
            "precision": "bf16-mixed",
            "view": "thin",
            "accelerator": "cpu",
            "enable_progress_bar": False,
        },
    ),
}


def expected(name: str) -> dict[str, float]:
    """What the plan says, and how long it took to make it."""
    file, model, task, options = RUNS[name]
    adata = read(file)
    start = time.perf_counter()
    plan = scellm.plan(adata, model, task=task, **options)
    return {"seconds": plan.seconds, "memory": plan.memory, "planning": time.perf_counter() - start}


def found(name: str) -> dict[str, float]:
    """What the run takes."""
    file, model, task, options = RUNS[name]
    adata = read(file)
    with peak_memory() as peak:
        start = time.perf_counter()
        if task == "pretrain":
            scellm.CellLM.setup_anndata(adata)
            scellm.CellLM(adata, size=model).pretrain(**options)
        elif task == "annotate":
            scellm.tl.annotate(adata, model)
        else:
            scellm.tl.embed(adata, model)
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "memory": peak.bytes}


def run(what: str, name: str) -> dict[str, float]:
    """One of the two, in a process of its own."""
    done = subprocess.run([sys.executable, __file__, what, name], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    rows = []
    for name in RUNS:
        plan, real = run("expected", name), run("found", name)
        rows.append(
            {
                "run": name,
                "expected s": plan["seconds"],
                "found s": real["seconds"],
                "time, expected / found": plan["seconds"] / real["seconds"],
                "expected MiB": plan["memory"] / 2**20,
                "found MiB": real["memory"] / 2**20,
                "memory, expected / found": plan["memory"] / real["memory"],
                "plan made in s": plan["planning"],
            }
        )
        print(rows[-1], flush=True)
    print(table(rows))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        warnings.simplefilter("ignore")  # what a user is told about the data is not measured here
        scellm.settings.verbosity, scellm.settings.seed = logging.ERROR, 0
        print(json.dumps({"expected": expected, "found": found}[sys.argv[1]](sys.argv[2])))
    else:
        main()
