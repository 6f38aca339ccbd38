"""Time and peak memory of prepare and of scanpy's normalize_total + log1p, on pbmc3k tiled to 100,000 cells.

    python benchmarks/prepare.py [cells]

Each runs three times, alternating and in its own process; the table holds medians.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import warnings
from pathlib import Path
from statistics import median

from _data import read, table


def child(what: str, cells: int) -> None:
    """Run one of the two; print its seconds, and its peak memory relative to X."""
    import scanpy as sc
    import scipy.sparse as sp

    import scellm

    warnings.simplefilter("ignore")
    small = read("eval/pbmc3k.h5ad")
    warm = small[:200].copy()
    {"scanpy": lambda a: (sc.pp.normalize_total(a, target_sum=1e4), sc.pp.log1p(a)), "scellm": scellm.pp.prepare}[what](
        warm
    )
    x = sp.vstack([small.X] * (cells // small.n_obs + 1)).tocsr()[:cells]
    adata = sc.AnnData(x, var=small.var)
    size = x.data.nbytes + x.indices.nbytes + x.indptr.nbytes
    del x, small
    before = rss_now()
    t = time.perf_counter()
    if what == "scanpy":
        sc.pp.normalize_total(adata, target_sum=1e4)
        sc.pp.log1p(adata)
    else:
        scellm.pp.prepare(adata)
    seconds = time.perf_counter() - t
    print(json.dumps({"s": seconds, "memory": max(peak() - before, 0) / size}))


def rss_now() -> int:
    """Current resident memory; resets the peak (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """Peak resident memory in bytes since `rss_now`."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def main(cells: int) -> None:
    runs: dict[str, list[dict]] = {"scanpy": [], "scellm": []}
    for _ in range(3):
        for what, found in runs.items():
            out = subprocess.run(
                [sys.executable, __file__, "--child", what, str(cells)], check=True, capture_output=True, text=True
            )
            found.append(json.loads(out.stdout.strip().splitlines()[-1]))
    s = {what: median(r["s"] for r in found) for what, found in runs.items()}
    print(
        table(
            [
                {
                    "what": what,
                    "seconds": s[what],
                    "of scanpy": s[what] / s["scanpy"],
                    "peak memory / X": median(r["memory"] for r in found),
                }
                for what, found in runs.items()
            ]
        )
    )


if __name__ == "__main__":
    if "--child" in sys.argv:
        child(sys.argv[2], int(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
