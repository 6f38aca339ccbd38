"""PC9 cells under erlotinib, day by day."""

from __future__ import annotations

import anndata as ad
from anndata import AnnData

from scellm.datasets._files import PublicFile
from scellm.datasets._table import cells_by_genes, read_sparse

_SAMPLES = {0: 3972657, 1: 3972658, 2: 3972659, 4: 3972660, 9: 3972661, 11: 3972662}


def file_of(day: int) -> PublicFile:
    """The file of a day; no hash is published."""
    name = f"GSM{_SAMPLES[day]}_D{day}.dge.txt.gz"
    return PublicFile(name, f"https://ftp.ncbi.nlm.nih.gov/geo/samples/GSM3972nnn/GSM{_SAMPLES[day]}/suppl/{name}")


def gse149383() -> AnnData:
    """Cells of the lung cancer line PC9 under erlotinib on days 0, 1, 2, 4, 9 and 11 (Aissa et al. 2021).

    They are the part GSE134839 of the series GSE149383. GEO states no response: papers that report a score on
    "sensitive" and "resistant" cells took the day as the label, and each day is one library. Whatever such a score
    measures, the library is in it (:func:`scellm.pp.check_confounding`).

    Returns
    -------
    anndata.AnnData
        Raw counts, CSR float32, about 6,500 cells by the genes of any day; `obs["day"]`, a category.

    Raises
    ------
    ConnectionError
        If a file cannot be downloaded.

    Examples
    --------
    >>> adata = scellm.datasets.gse149383()  # doctest: +SKIP
    """
    parts = {}
    for day in _SAMPLES:
        x, genes, cells, _ = read_sparse(file_of(day).fetch(), sep="\t")  # genes in rows
        parts[str(day)] = cells_by_genes(x.T, cells, genes)
    adata = ad.concat(parts, label="day", index_unique="-", join="outer", fill_value=0)
    adata.uns |= {"source": "https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE149383", "licence": "terms of GEO"}
    return adata
