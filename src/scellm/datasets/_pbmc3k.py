"""2,700 blood cells of 10x Genomics."""

from __future__ import annotations

import anndata as ad
import numpy as np
from anndata import AnnData

from scellm.datasets._files import PublicFile
from scellm.datasets._tenx import read_tenx_archive

# Hashes: scanpy's registry (src/scanpy/datasets/registry.yaml) for the labels; many public scripts for the archive.
COUNTS = PublicFile(
    "pbmc3k_filtered_gene_bc_matrices.tar.gz",
    "https://cf.10xgenomics.com/samples/cell-exp/1.1.0/pbmc3k/pbmc3k_filtered_gene_bc_matrices.tar.gz",
    "847d6ebd9a1ec9a768f2be7e40ca42cbfe75ebeb6d76a4c24167041699dc28b5",
)
LABELS = PublicFile(
    "pbmc3k_processed.h5ad",
    "https://exampledata.scverse.org/scanpy/pbmc3k.h5ad",
    "0db367b991dd95809732b218539ede489bea99113807f62ebd7ccc970025fe38",
)


def pbmc3k() -> AnnData:
    """2,700 blood cells of a healthy donor, with the labels of Scanpy's tutorial.

    Returns
    -------
    anndata.AnnData
        Raw counts, CSR float32, 2,700 cells by 32,738 genes. `obs["cell_type"]`: the clusters that the tutorial named,
        8 types, "unknown" for 62 cells that it leaves out. They were named from the same expression that a model reads,
        which favours every method that reads expression. `var["ensembl"]`.

    Raises
    ------
    ConnectionError
        If a file cannot be downloaded.
    ValueError
        If a file does not have the published hash.

    Examples
    --------
    >>> adata = scellm.datasets.pbmc3k()  # doctest: +SKIP
    """
    adata = read_tenx_archive(COUNTS.fetch(), source=COUNTS.url, licence="CC BY 4.0")
    labels = ad.read_h5ad(LABELS.fetch()).obs["louvain"].astype(str)
    found = labels.reindex(adata.obs_names)
    adata.obs["cell_type"] = np.where(found.isna(), "unknown", found.astype(object))
    adata.obs["cell_type"] = adata.obs["cell_type"].astype("category")
    return adata
