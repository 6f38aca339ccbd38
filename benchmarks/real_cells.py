"""CellLM, pretrained from scratch on a few cells, compared with logistic regression on the same split.

    python benchmarks/real_cells.py [cells] [pretraining steps] [epochs] [seeds] [file]

The data are pbmc3k and Baron donor 1. Types with fewer than 10 cells and unlabelled cells are left out, then `cells`
cells are drawn. A fifth of every type is held out for testing; pretraining and training use the rest only. Every seed
has its own split.
"""

from __future__ import annotations

import logging
import sys
import warnings

import numpy as np
from _data import read

import scellm
from scellm import bm

LABELS = "cell_type"
QUIET = {"accelerator": "cpu", "enable_progress_bar": False}


class FromScratch:
    """CellLM as a method of `scellm.bm`: pretrained on the training cells, then trained on their types."""

    def __init__(self, steps: int, epochs: int) -> None:
        self.steps, self.epochs = steps, epochs

    def fit(self, adata, labels_key, *, indices):
        scellm.CellLM.setup_anndata(adata, labels_key=labels_key, unlabeled_category="")
        scellm.settings.seed = int(indices.sum()) % 2**16
        self.model = scellm.CellLM(adata)
        options = {"batch_size": 128, "lr": 1e-3, "masked_inputs": "shared", "precision": "bf16-mixed"}
        self.model.pretrain(indices=indices, max_steps=self.steps, **options, **QUIET)
        self.model.train(indices=indices, max_epochs=self.epochs, lr=2e-3, head="mlp", batch_size=16, **QUIET)
        return self

    def predict(self, adata, *, indices):
        return self.model.predict(indices=indices)


def cells_of(name: str, n: int):
    """Labelled cells of types that can be split."""
    adata = read(name)
    size = adata.obs[LABELS].value_counts()
    kept = adata.obs[LABELS].isin(size[size >= 10].index) & (adata.obs[LABELS] != "unknown")
    rows = np.flatnonzero(kept)
    adata = adata[np.sort(np.random.default_rng(0).permutation(rows)[:n])].copy()
    scellm.pp.prepare(adata)
    return adata


def main(n: int, steps: int, epochs: int, seeds: int, names: list[str]) -> None:
    """Print one table for all data sets."""
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scellm.settings.verbosity = logging.ERROR
    methods = {"CellLM": lambda: FromScratch(steps, epochs), "logistic regression": scellm.baselines.LogisticRegression}
    tasks = [bm.Task(name.split("/")[1], cells_of(name, n), LABELS, bm.Stratified(0.2)) for name in names]
    results = bm.run(tasks, methods, seeds=seeds)
    print(results.table.pivot_table(index=["task", "method"], columns="metric", values="value").round(3).to_string())
    print(bm.summary(results, against="logistic regression").round(3).to_string(index=False))


if __name__ == "__main__":
    given = [int(a) for a in sys.argv[1:5]]
    main(
        *(given + [1000, 20, 10, 3][len(given) :]), sys.argv[5:] or ["eval/pbmc3k.h5ad", "eval/pancreas_baron_h1.h5ad"]
    )
