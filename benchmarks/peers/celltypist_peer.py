"""CellTypist, trained on the labelled cells with its defaults: python celltypist_peer.py FOLDER.

Domínguez Conde et al. 2022, Science 376:eabl5197. Reads reference.h5ad and query.h5ad, writes answers.csv; see
benchmarks/peers.py.
"""

import sys
from pathlib import Path

import anndata as ad
import celltypist
import scanpy as sc

folder = Path(sys.argv[1])
reference, query = (ad.read_h5ad(folder / f"{name}.h5ad") for name in ("reference", "query"))
for cells in (reference, query):
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
model = celltypist.train(reference, labels="label", n_jobs=1)
found = celltypist.annotate(query, model=model).predicted_labels["predicted_labels"]
found.astype(str).to_csv(folder / "answers.csv", header=False)
