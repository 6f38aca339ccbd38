"""Prepare, pretrain, train and predict on real cells, beside logistic regression on the same split.

    python benchmarks/real_cells.py [cells] [pretraining steps] [epochs] [seeds] [file]

pbmc3k and Baron donor 1; types with fewer than 10 cells and unlabelled cells are left out, then `cells` cells are drawn. A fifth, alike for
every type, is held out and looked at once; pretraining and training see the rest only. Every seed has its own split.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings

import numpy as np
from _data import read, table
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import train_test_split

import scellm

LABELS = "cell_type"


def cells_of(name: str, n: int):
    """Labelled cells of types that can be split."""
    adata = read(name)
    size = adata.obs[LABELS].value_counts()
    kept = adata.obs[LABELS].isin(size[size >= 10].index) & (adata.obs[LABELS] != "unknown")
    rows = np.flatnonzero(kept)
    return adata[np.sort(np.random.default_rng(0).permutation(rows)[:n])].copy()


def run(adata, seed: int, steps: int, epochs: int) -> dict[str, float]:
    """Scores on the held-out cells of one seed."""
    scellm.settings.seed = seed
    types = adata.obs[LABELS].astype(str).to_numpy()
    several = np.isin(types, [t for t, n in zip(*np.unique(types, return_counts=True), strict=True) if n > 1])
    train, test = train_test_split(np.flatnonzero(several), test_size=0.2, stratify=types[several], random_state=seed)
    model = scellm.CellLM(adata)
    quiet = {"precision": "bf16-mixed", "accelerator": "cpu", "enable_progress_bar": False}
    start = time.perf_counter()
    model.pretrain(
        indices=train, max_steps=steps, batch_size=128, lr=1e-3, plan_kwargs={"masked_inputs": "shared"}, **quiet
    )
    pretrained = time.perf_counter() - start
    model.train(indices=train, max_epochs=epochs, lr=2e-3, tune="head", batch_size=16, **quiet)
    told = model.predict(indices=test)
    floor = scellm.baselines.LogisticRegression().fit(adata, LABELS, indices=train).predict(adata, indices=test)
    score = lambda t: float(f1_score(types[test], t, average="macro"))
    return {
        "CellLM F1": score(told), "LR F1": score(floor), "CellLM acc": float(accuracy_score(types[test], told)),
        "LR acc": float(accuracy_score(types[test], floor)), "pretraining s": pretrained,
    }  # fmt: skip


def main(n: int, steps: int, epochs: int, seeds: int, names: list[str]) -> None:
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    scellm.settings.verbosity = logging.ERROR
    rows = []
    for name in names:
        adata = cells_of(name, n)
        scellm.CellLM.setup_anndata(adata, labels_key=LABELS)
        for seed in range(seeds):
            rows.append({"cells": name.split("/")[1], "seed": seed, **run(adata, seed, steps, epochs)})
            print(rows[-1], flush=True)
    print(table(rows))


if __name__ == "__main__":
    given = [int(a) for a in sys.argv[1:5]]
    main(
        *(given + [1000, 20, 10, 3][len(given) :]), sys.argv[5:] or ["eval/pbmc3k.h5ad", "eval/pancreas_baron_h1.h5ad"]
    )
