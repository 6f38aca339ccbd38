"""Real cells for the benchmarks, from SCELLM_TEST_DATA or the folder `shared/data` next to the checkout."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd

from scellm import bm
from scellm._labels import Labels
from scellm.data import Corpus, build_corpus

DATA = Path(os.environ.get("SCELLM_TEST_DATA", Path(__file__).parents[2] / "shared/data"))

SETS = (
    "pbmc3k",
    "pbmc_sorted_zheng3500",
    "pancreas_baron_h1",
    "pancreas_atlas",
    "lung_lca1000",
    "colorectal_tumor_normal",
    "bmmc_neurips2021_5k",
)
"""The evaluation sets of cell types that reports are made of."""


def read(name: str) -> ad.AnnData:
    """Read an AnnData by its path in the data folder; exits with a message if it does not exist."""
    path = DATA / name
    if not path.exists():
        sys.exit(f"{name} is not in {DATA}; set SCELLM_TEST_DATA to the folder that holds it.")
    return ad.read_h5ad(path)


def table(rows: list[dict]) -> str:
    """Rows as a small text table."""
    keys = list(rows[0])
    cells = [keys, *[[f"{row[k]:.3g}" if isinstance(row[k], float) else str(row[k]) for k in keys] for row in rows]]
    widths = [max(len(line[i]) for line in cells) for i in range(len(keys))]
    return "\n".join("  ".join(value.rjust(width) for value, width in zip(line, widths, strict=True)) for line in cells)


def markdown(frame: pd.DataFrame) -> str:
    """A data frame as a Markdown table with three decimals."""
    rows = [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in row] for row in frame.itertuples(index=False)]
    lines = [list(map(str, frame.columns)), ["---"] * frame.shape[1], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def corpus_of(files: list[Path], folder: Path) -> Corpus:
    """The corpus of exactly these files, built once."""
    corpus = (
        Corpus(folder) if (folder / "corpus.json").exists() else build_corpus(files, folder, malignancy_key="origin")
    )
    if corpus.sources != [f.stem for f in sorted(files, key=lambda f: f.name)]:
        sys.exit(f"{folder} was built from other files: {corpus.sources}. Remove it.")
    return corpus


def some_labelled(adata: ad.AnnData, labels_key: str, cells: int) -> np.ndarray:
    """Indices of a fixed random sample of labelled cells, ascending."""
    known = np.flatnonzero(Labels.of(adata.obs, labels_key, quiet=True).names != "")
    return np.sort(np.random.default_rng(0).permutation(known)[:cells])


def few_labels(sets: dict[str, ad.AnnData], labels_key: str, make: Callable[[], bm.Method]) -> dict[str, float]:
    """Macro-F1 of a method on each set with 5 labelled cells per type, mean of three seeds."""
    tasks = [bm.Task(name, adata, labels_key, bm.FewLabels(5)) for name, adata in sets.items()]
    found = bm.run(tasks, {"one": make}, seeds=3, metrics=["macro_f1"]).table
    return found.groupby("task", sort=False)["value"].mean().to_dict()
