"""Methods that need Python environments of their own, on tasks of the scoreboard: CellTypist, popV, scanpy's ingest.

    python3.11 -m venv ENVS/celltypist
    ENVS/celltypist/bin/pip install -r benchmarks/peers/celltypist_requirements.txt
    python benchmarks/peers.py ENVS [--docs]

Each environment in the folder ENVS is named like its script in `benchmarks/peers/`; those that are not there are left
out. A script reads labelled cells and cells to predict, and writes their types, so a method in any language can be
added. Cells are those of the scoreboard, and the split is its first.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import anndata as ad
import numpy as np
import pandas as pd
from _data import DATA, markdown
from scoreboard import OURS, smaller

import scellm
from scellm import bm, datasets
from scellm.baselines import PCALogisticRegression
from scellm.model import CellLMClassifier
from scellm.pp._expression import find_expression

SCRIPTS = Path(__file__).parent / "peers"
PEERS = {"celltypist": "CellTypist 1.7.1", "ingest": "scanpy.tl.ingest", "popv": "popV 0.6.1, without the ontology"}
AGAINST = "logistic regression on PCA-50"
TASKS = ("PBMC3k", "sorted Zheng", "Baron, donor 1")
FIRST_ONLY = ("popv",)
"""Peers that take minutes for each task, and so are run on the first."""

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "LOKY_MAX_CPU_COUNT",
)

DOCS = Path(__file__).parents[1] / "docs/user_guide/_peers.md"


class InEnvironment:
    """A method that another Python runs.

    Parameters
    ----------
    python
        The interpreter.
    script
        Takes a folder with `reference.h5ad` (counts, types in `obs["label"]`) and `query.h5ad`, and writes
        `answers.csv`, a cell and its type in each line.
    """

    def __init__(self, python: Path, script: Path) -> None:
        self.python, self.script = str(python), str(script)

    def fit(self, adata: ad.AnnData, labels_key: str, *, indices: np.ndarray) -> Self:
        """Keep the labelled cells."""
        self.reference = _counts(adata, indices)
        self.reference.obs["label"] = adata.obs[labels_key].astype(str).to_numpy()[indices]
        return self

    def predict(self, adata: ad.AnnData, *, indices: np.ndarray) -> np.ndarray:
        """Types, (n,)."""
        query = _counts(adata, indices)
        with tempfile.TemporaryDirectory() as folder:
            self.reference.write_h5ad(Path(folder) / "reference.h5ad")
            query.write_h5ad(Path(folder) / "query.h5ad")
            command = [self.python, self.script, folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
            if done.returncode:
                msg = f"{' '.join(command)} failed:\n{done.stderr[-2000:]}"
                raise RuntimeError(msg)
            answers = pd.read_csv(
                Path(folder) / "answers.csv", index_col=0, header=None, dtype=str, keep_default_na=False
            )[1]
        return answers.loc[query.obs_names].to_numpy(str)


def _counts(adata: ad.AnnData, rows: np.ndarray) -> ad.AnnData:
    """Counts of some cells, float32, with the genes of the matrix that they are in."""
    matrix = find_expression(adata).matrix
    names = pd.Index([f"cell{i}" for i in rows])
    return ad.AnnData(
        matrix.rows(rows).astype(np.float32), pd.DataFrame(index=names), pd.DataFrame(index=matrix.var.index)
    )


def environment() -> dict[str, Any]:
    """Variables of this process, without those that lead another Python here; one core, as for all methods."""
    kept = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    return {**kept, **dict.fromkeys(_THREADS, "1")}


def main(argv: Sequence[str] | None = None) -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environments", type=Path)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--work", type=Path, help="keep predictions here, to go on after an interruption")
    parser.add_argument("--docs", action="store_true")
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR
    made = available(args.environments, args.only)
    found = []
    for at, task in enumerate(datasets.tasks(list(TASKS), folder=DATA)):
        methods: dict[str, Callable] = {OURS: CellLMClassifier, AGAINST: PCALogisticRegression}
        methods |= {PEERS[key]: make for key, make in made.items() if at == 0 or key not in FIRST_ONLY}
        results = bm.run([smaller(task, args.cells)], methods, seeds=args.seeds, cache=args.work)
        found.append(compared(results))
        print(markdown(found[-1]), flush=True)
    if args.docs:
        DOCS.write_text(markdown(pd.concat(found)), encoding="utf-8")


def available(environments: Path, wanted: Sequence[str]) -> dict[str, Callable]:
    """How to make each peer whose environment is there."""
    found: dict[str, Callable] = {}
    for key in wanted:
        python = environments / key / "bin/python"
        if python.exists():
            found[key] = partial(InEnvironment, python, SCRIPTS / f"{key}_peer.py")
        else:
            print(f"{PEERS[key]}: {python} is not there; see the top of this script.")
    return found


def compared(results: bm.Results) -> pd.DataFrame:
    """Macro-F1 and accuracy of every method, and its difference from logistic regression on principal components."""
    wide = results.table.pivot_table(index="method", columns="metric", values="value", sort=False)
    seconds = results.table.groupby("method", sort=False)["seconds"].median()
    beside = bm.summary(results, against=AGAINST, metric="macro_f1", n_boot=1000).set_index("method")
    rows = [
        {
            "task": results.table["task"].iloc[0],
            "method": name,
            "macro-F1": wide.loc[name, "macro_f1"],
            "accuracy": wide.loc[name, "accuracy"],
            f"difference to {AGAINST}": difference(beside, name),
            "seconds": f"{seconds[name]:.0f}",
        }
        for name in wide.index
    ]
    return pd.DataFrame(rows)


def difference(beside: pd.DataFrame, name: str) -> str:
    """Difference with its interval; nothing for the method that the others are compared with."""
    if name == AGAINST:
        return ""
    row = beside.loc[name]
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"


if __name__ == "__main__":
    main()
