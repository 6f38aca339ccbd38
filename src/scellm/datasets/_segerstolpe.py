"""Pancreas of ten donors, Smart-seq2."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import pandas as pd
from anndata import AnnData

from scellm.datasets._files import PublicFile
from scellm.datasets._table import cells_by_genes, read_sparse

_AT = "https://ftp.ebi.ac.uk/biostudies/fire/E-MTAB-/061/E-MTAB-5061/Files"
COUNTS = PublicFile(
    "pancreas_refseq_rpkms_counts_3514sc.txt",
    f"{_AT}/pancreas_refseq_rpkms_counts_3514sc.txt",
)
LABELS = PublicFile("E-MTAB-5061.sdrf.txt", f"{_AT}/E-MTAB-5061.sdrf.txt")
_COLUMNS = {
    "cell_type": ("inferred cell type", "cell type"),
    "donor": ("individual",),
    "disease": ("disease",),
    "quality": ("single cell well quality", "single cell quality"),
}
"""For each column of `obs`, its names in the two styles of the file, the better one first."""


def segerstolpe() -> AnnData:
    """Cells of the human pancreas (Segerstolpe et al. 2016, E-MTAB-5061), with the labels of the authors.

    Returns
    -------
    anndata.AnnData
        Read counts of Smart-seq2, which has no molecular barcodes, CSR float32, 3,514 cells by about 26,000 genes;
        `obs["cell_type"]` ("not applicable" for wells of low quality), `obs["donor"]`, `obs["disease"]`,
        `obs["quality"]`.

    Raises
    ------
    ConnectionError
        If a file cannot be downloaded.
    ValueError
        If a file has another layout.

    Examples
    --------
    >>> adata = scellm.datasets.segerstolpe()  # doctest: +SKIP
    """
    adata = read_counts(COUNTS.fetch())
    table = pd.read_csv(LABELS.fetch(), sep="\t", dtype=str)
    table = table.drop_duplicates("Source Name").set_index("Source Name")
    if not table.index.isin(adata.obs_names).any():
        msg = f"No cell of {LABELS.name} is in {COUNTS.name}: {list(table.index[:3])}, {list(adata.obs_names[:3])}."
        raise ValueError(msg)
    table = table.reindex(adata.obs_names)
    for column, names in _COLUMNS.items():
        found = [c for name in names for c in table.columns if c.replace(" ", "").lower() == _header(name)]
        if found:
            adata.obs[column] = pd.Categorical(table[found[0]].fillna("unknown"))
    if "cell_type" not in adata.obs:
        msg = f"{LABELS.name} has no column with cell types; found {list(table.columns)[:12]}."
        raise ValueError(msg)
    return adata


def _header(name: str) -> str:
    return f"characteristics[{name.replace(' ', '')}]"


def read_counts(path: str | PathLike) -> AnnData:
    """The second half of each row: symbol, id, RPKM of all cells, then counts of all cells."""
    path = Path(path)
    with path.open(encoding="utf-8") as file:
        cells = file.readline().rstrip("\n").split("\t")[1:]
        fields = file.readline().count("\t") + 1
    if fields < 2 + 2 * len(cells):
        msg = f"{path} has {fields} fields a row; expected 2 and twice the {len(cells)} cells of its first line."
        raise ValueError(msg)
    columns = [0, *range(2 + len(cells), 2 + 2 * len(cells))]
    x, genes, _, _ = read_sparse(path, sep="\t", header=None, skiprows=1, usecols=columns)
    kept = ~genes.astype(str).str.startswith(("ERCC_", "ERCC-")) & (genes.astype(str) != "eGFP")
    uns = {"source": COUNTS.url, "licence": "terms of ArrayExpress"}
    return cells_by_genes(x[kept].T, pd.Index(cells), genes[kept], uns=uns)
