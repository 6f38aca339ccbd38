"""scanpy.tl.ingest on principal components, as the paper's baseline "Scanpy": python ingest_peer.py FOLDER.

Reads reference.h5ad and query.h5ad, writes answers.csv; see benchmarks/peers.py.
"""

import sys
from pathlib import Path

import anndata as ad
import scanpy as sc

folder = Path(sys.argv[1])
reference, query = (ad.read_h5ad(folder / f"{name}.h5ad") for name in ("reference", "query"))
for cells in (reference, query):
    sc.pp.normalize_total(cells, target_sum=1e4)
    sc.pp.log1p(cells)
sc.pp.highly_variable_genes(reference, n_top_genes=2000)
genes = reference.var_names[reference.var["highly_variable"]]
reference, query = reference[:, genes].copy(), query[:, genes].copy()
sc.pp.pca(reference)
sc.pp.neighbors(reference)
sc.tl.ingest(query, reference, obs="label", embedding_method="pca")
query.obs["label"].astype(str).to_csv(folder / "answers.csv", header=False)
