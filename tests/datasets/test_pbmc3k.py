import anndata as ad
import numpy as np
import pandas as pd

import scellm
from scellm.datasets import _pbmc3k
from tests.datasets.tenx import BARCODES, write_archive


def test_labels_join_by_barcode(public, unhashed):
    unhashed(_pbmc3k, "COUNTS", "LABELS")
    write_archive(public / _pbmc3k.COUNTS.name, "filtered_gene_bc_matrices/hg19")
    obs = pd.DataFrame({"louvain": pd.Categorical(["B cells", "NK cells"])}, index=[BARCODES[2], BARCODES[0]])
    ad.AnnData(np.zeros((2, 1)), obs=obs).write_h5ad(public / _pbmc3k.LABELS.name)
    adata = scellm.datasets.pbmc3k()
    assert list(adata.obs["cell_type"]) == ["NK cells", "unknown", "B cells", "unknown"]
    assert adata.uns["licence"] == "CC BY 4.0"
