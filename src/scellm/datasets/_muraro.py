"""Pancreas of four donors, CEL-Seq2."""

from __future__ import annotations

from os import PathLike

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm.datasets._files import PublicFile
from scellm.datasets._table import cells_by_genes, read_sparse

COUNTS = PublicFile(
    "GSE85241_cellsystems_dataset_4donors_updated.csv.gz",
    "https://ftp.ncbi.nlm.nih.gov/geo/series/GSE85nnn/GSE85241/suppl/"
    "GSE85241_cellsystems_dataset_4donors_updated.csv.gz",
    "2f253ffb1f6d54f6bb259e862195f5c20ea3f13e00471b9864ff92773658f513",
)


def muraro(labels: str | PathLike | None = None) -> AnnData:
    """Cells of the human pancreas (Muraro et al. 2016, GSE85241).

    Parameters
    ----------
    labels
        File with the types of the authors, tab-separated, names of cells first (`cell_type_annotation_Cels2016.csv`).
        GEO does not hold it, and the address that tools used no longer answers. Without it all cells are "unknown".

    Returns
    -------
    anndata.AnnData
        Counts that were corrected for molecules of one barcode, CSR float32, 3,072 cells by 19,140 genes: they have
        decimals. The ERCC spike-ins are among the genes. `obs["cell_type"]`, `obs["donor"]`.

    Raises
    ------
    ConnectionError
        If the file cannot be downloaded.
    ValueError
        If it does not have the published hash, or no name in `labels` fits.

    Examples
    --------
    >>> adata = scellm.datasets.muraro()  # doctest: +SKIP
    """
    x, genes, cells, _ = read_sparse(COUNTS.fetch(), sep="\t")  # genes in rows, and no name above them
    symbols = pd.Index(genes.astype(str).str.split("__").str[0])
    adata = cells_by_genes(x.T, cells, symbols, uns={"source": COUNTS.url, "licence": "terms of GEO"})
    adata.obs["donor"] = pd.Categorical(adata.obs_names.str.split("-").str[0])
    adata.obs["cell_type"] = pd.Categorical(_types(adata.obs_names, labels))
    return adata


def _types(cells: pd.Index, labels: str | PathLike | None) -> np.ndarray:
    if labels is None:
        return np.full(len(cells), "unknown", dtype=object)
    table = pd.read_csv(labels, sep="\t", header=0, names=["cell", "type"], index_col=0)["type"]
    table.index = table.index.astype(str).str.replace(".", "-", regex=False)  # R writes D28.1_1 for D28-1_1
    found = table.reindex(cells)
    if found.isna().all():
        msg = f"No cell of {labels} is in the matrix: found {list(table.index[:3])}, expected {list(cells[:3])}."
        raise ValueError(msg)
    return np.where(found.isna(), "unknown", found.astype(object))
