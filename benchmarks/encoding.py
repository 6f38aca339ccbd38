"""Encoding cells on one thread: share of the machine's own rate of matrix products, and bf16 beside float32.

    python benchmarks/encoding.py [cells]

The rate of the machine is the best of twenty products of two matrices of 2,048 x 2,048 in float32. The arithmetic is
counted by torch (products of matrices only), and the share is that arithmetic over the time, of the machine's rate. In
bf16 the encoder's weights are cast once. Scores are macro-F1 of logistic regression on the embeddings, five-fold, on
the cell types of the set.
"""

from __future__ import annotations

import logging
import sys
import time
import warnings

import numpy as np
import torch
from _data import read, table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import cross_val_predict
from torch.utils.flop_counter import FlopCounterMode

import scellm
from scellm.baselines import GlobalScaler


def machine() -> float:
    """Float operations per second of a product of matrices, on one thread."""
    x, best = torch.randn(2048, 2048), float("inf")
    for _ in range(20):
        start = time.perf_counter()
        x @ x
        best = min(best, time.perf_counter() - start)
    return 2 * 2048**3 / best


def encoded(model: scellm.CellLM, rows: np.ndarray) -> tuple[np.ndarray, float]:
    """Embeddings, and the best of two times."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        found = model._encode(model.adata, rows, None).numpy()
        seconds.append(time.perf_counter() - start)
    return found, min(seconds)


def score(embedding: np.ndarray, types: np.ndarray) -> float:
    """Macro-F1 of logistic regression, five-fold."""
    x = GlobalScaler().fit_transform(embedding)
    return f1_score(types, cross_val_predict(LogisticRegression(max_iter=2000), x, types, cv=5), average="macro")


def main(cells: int) -> None:
    torch.set_num_threads(1)
    rows = []
    for name in ("pbmc3k", "pancreas_baron_h1"):
        adata = read(f"eval/{name}.h5ad")
        model = scellm.CellLM.from_pretrained("celllm-mini", adata)
        some = np.sort(np.random.default_rng(0).permutation(adata.n_obs)[:cells])
        types = adata.obs["cell_type"].astype(str).to_numpy()[some]
        often = np.isin(types, [t for t in np.unique(types) if (types == t).sum() >= 5])
        with FlopCounterMode(display=False) as counter:
            model._encode(adata, some[:64], None)
        work = counter.get_total_flops() / 64
        full, seconds = encoded(model, some)
        rate = machine()
        model.module.cell_encoder.encoder.bfloat16()
        half, fast = encoded(model, some)
        same = (full * half).sum(1) / np.linalg.norm(full, axis=1) / np.linalg.norm(half, axis=1)
        rows.append(
            {
                "cells": name,
                "cells/s": cells / seconds,
                "GFLOP per cell": work / 1e9,
                "machine, GFLOP/s": rate / 1e9,
                "share": work * cells / seconds / rate,
                "bf16, of float32": seconds / fast,
                "lowest cosine": float(same.min()),
                "F1 float32": score(full[often], types[often]),
                "F1 bf16": score(half[often], types[often]),
            }
        )
        print(rows[-1], flush=True)
    print(table(rows))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # what a user is told about the data is not measured here
    scellm.settings.verbosity, scellm.settings.seed = logging.ERROR, 0
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
