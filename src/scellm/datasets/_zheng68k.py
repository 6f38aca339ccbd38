"""68,579 blood cells, the set that the paper's tables are about."""

from __future__ import annotations

import pandas as pd
from anndata import AnnData

from scellm.datasets._files import PublicFile
from scellm.datasets._tenx import read_tenx_archive

# Hashes are those that public scripts check; the one of the labels is in a single place.
COUNTS = PublicFile(
    "fresh_68k_pbmc_donor_a_filtered_gene_bc_matrices.tar.gz",
    "https://cf.10xgenomics.com/samples/cell-exp/1.1.0/fresh_68k_pbmc_donor_a/"
    "fresh_68k_pbmc_donor_a_filtered_gene_bc_matrices.tar.gz",
    "3f35f37ff344bc9b32f97cd003ac986ebb9b5d7f31006c53dff4cb38da267931",
)
LABELS = PublicFile(
    "68k_pbmc_barcodes_annotation.tsv",
    "https://raw.githubusercontent.com/10XGenomics/single-cell-3prime-paper/master/pbmc68k_analysis/"
    "68k_pbmc_barcodes_annotation.tsv",
    "98dc85c047b56cb209ece200b7bebeb2ad53634ff3d5f42143987f59510624b3",
)


def zheng68k() -> AnnData:
    """Blood cells of one donor (Zheng et al. 2017), with the labels of the authors.

    The labels are not sorted ones: each cell has the sorted population whose mean profile correlates best with it.

    Returns
    -------
    anndata.AnnData
        Raw counts, CSR float32, 68,579 cells by 32,738 genes; `obs["cell_type"]`, 11 types.

    Raises
    ------
    ConnectionError
        If a file cannot be downloaded.
    ValueError
        If a file does not have the published hash, or cells have no label.

    Examples
    --------
    >>> adata = scellm.datasets.zheng68k()  # doctest: +SKIP
    """
    adata = read_tenx_archive(COUNTS.fetch(), source=COUNTS.url, licence="CC BY 4.0")
    table = pd.read_csv(LABELS.fetch(), sep="\t").set_index("barcodes")["celltype"]
    types = table.reindex(adata.obs_names)
    if types.isna().any():
        msg = f"{int(types.isna().sum()):,} barcodes have no label, such as {list(types.index[types.isna()][:3])}."
        raise ValueError(msg)
    adata.obs["cell_type"] = pd.Categorical(types)
    return adata
