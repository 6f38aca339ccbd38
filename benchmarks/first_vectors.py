"""Embeddings at random weights, with ordered or random bin embeddings: macro-F1 on 1,500 cells of pbmc3k.

python benchmarks/first_vectors.py
"""

from __future__ import annotations

import logging
import warnings

import numpy as np
from _data import read, table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import scellm
from scellm.module import CellEncoder


def main() -> None:
    warnings.simplefilter("ignore")
    scellm.settings.verbosity = logging.ERROR
    adata = read("eval/pbmc3k.h5ad")
    adata = adata[adata.obs["cell_type"] != "unknown"][:1500].copy()
    scellm.CellLM.setup_anndata(adata)
    types = adata.obs["cell_type"].astype(str).to_numpy()
    train, test = train_test_split(np.arange(len(types)), test_size=0.3, stratify=types, random_state=0)
    initialize, rows = CellEncoder.initialize_bins, []
    for step in (0.0, 1.0, 2.0, 4.0):
        scellm.settings.seed = 0
        CellEncoder.initialize_bins = lambda self, step=step: initialize(self, step)
        z = scellm.CellLM(adata).get_latent_representation()
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000)).fit(z[train], types[train])
        score = f1_score(types[test], probe.predict(z[test]), average="macro")
        rows.append({"step": step, "macro-F1": float(score)})
    print(table(rows))


if __name__ == "__main__":
    main()
