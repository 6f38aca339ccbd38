"""popV without the Cell Ontology, its consensus of methods retrained on the labelled cells: python popv_peer.py FOLDER.

Ergen et al. 2024, Nat Genet 56:2731. OnClass and the ontology need files that popV downloads, so they are left out.
Reads reference.h5ad and query.h5ad, writes answers.csv; see benchmarks/peers.py.
"""

import sys
from pathlib import Path

import anndata as ad
from popv import annotation
from popv.preprocessing import Process_Query

folder = Path(sys.argv[1])
reference, query = (ad.read_h5ad(folder / f"{name}.h5ad") for name in ("reference", "query"))
for cells in (reference, query):
    cells.obs["batch"] = "one"
joined = Process_Query(
    query,
    reference,
    ref_labels_key="label",
    ref_batch_key="batch",
    query_batch_key="batch",
    cl_obo_folder=False,
    unknown_celltype_label="unknown",
    save_path_trained_models=str(folder / "popv"),
).adata
annotation.annotate_data(joined)
answers = joined.obs.loc[joined.obs["_dataset"] == "query", "popv_majority_vote_prediction"].astype(str)
answers.index = answers.index.str.removesuffix("_query")
answers.loc[query.obs_names].to_csv(folder / "answers.csv", header=False)
