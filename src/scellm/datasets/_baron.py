"""Pancreas of four donors."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from typing import IO, cast

import anndata as ad
import pandas as pd
from anndata import AnnData

from scellm._options import one_of
from scellm.datasets._files import PublicFile
from scellm.datasets._table import cells_by_genes, read_sparse

# The hash is in two public scripts; GEO may pack the archive again, and the members stay the same.
ARCHIVE = PublicFile(
    "GSE84133_RAW.tar",
    "https://ftp.ncbi.nlm.nih.gov/geo/series/GSE84nnn/GSE84133/suppl/GSE84133_RAW.tar",
    "aed2d208d47a36658aa0e63629afe5d4144ef465a8e3d9a0f377422b1f1073dc",
)
DONORS = (1, 2, 3, 4)


def baron(donors: int | Sequence[int] = DONORS) -> AnnData:
    """Cells of the human pancreas (Baron et al. 2016, GSE84133), with the labels of the authors.

    Parameters
    ----------
    donors
        Some of 1, 2, 3, 4; donor 4 has type 2 diabetes. The paper reports one number for "Baron".

    Returns
    -------
    anndata.AnnData
        Raw counts, CSR float32, 8,569 cells by 20,125 genes for all four; `obs["cell_type"]` (14 types) and
        `obs["donor"]`.

    Raises
    ------
    ConnectionError
        If the file cannot be downloaded.
    ValueError
        If a donor is not known, or the file does not have the published hash.

    Examples
    --------
    >>> adata = scellm.datasets.baron([1])  # doctest: +SKIP
    """
    chosen = sorted({donors} if isinstance(donors, int) else set(donors))
    for donor in chosen:
        one_of("donors", donor, DONORS)
    path, parts = ARCHIVE.fetch(), []
    with tarfile.open(path) as archive:
        for donor in chosen:
            member = next((m for m in archive.getmembers() if f"human{donor}_umifm_counts" in m.name), None)
            if member is None:
                msg = f"{ARCHIVE.name} has no file of donor {donor}; it holds {archive.getnames()[:8]}."
                raise ValueError(msg)
            parts.append(_read(cast("IO[bytes]", archive.extractfile(member)), donor))
    adata = ad.concat(parts, merge="same")
    adata.uns |= {"source": ARCHIVE.url, "licence": "terms of GEO"}
    return adata


def _read(file: IO[bytes], donor: int) -> AnnData:
    """One donor: cells in rows, then barcode, cluster, and one column per gene."""
    x, cells, genes, labels = read_sparse(file, sep=",", names=["barcode", "assigned_cluster"], compression="gzip")
    adata = cells_by_genes(x, cells, genes)
    adata.obs["cell_type"] = pd.Categorical(labels["assigned_cluster"])
    adata.obs["donor"] = f"donor {donor}"
    return adata
