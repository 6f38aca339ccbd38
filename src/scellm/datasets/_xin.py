"""Pancreatic islets of 18 donors, as RPKM."""

from __future__ import annotations

import csv
import gzip
from os import PathLike

import pandas as pd
from anndata import AnnData

from scellm.datasets._files import PublicFile
from scellm.datasets._table import cells_by_genes, read_sparse

_AT = "https://ftp.ncbi.nlm.nih.gov/geo/series/GSE81nnn/GSE81608"
VALUES = PublicFile("GSE81608_human_islets_rpkm.txt.gz", f"{_AT}/suppl/GSE81608_human_islets_rpkm.txt.gz")
LABELS = PublicFile("GSE81608_series_matrix.txt.gz", f"{_AT}/matrix/GSE81608_series_matrix.txt.gz")


def xin() -> AnnData:
    """Islet cells (Xin et al. 2016, GSE81608), with the labels of the authors.

    Returns
    -------
    anndata.AnnData
        RPKM, not counts, CSR float32, 1,600 cells by 39,851 genes under Entrez ids (`var_names`): GEO holds nothing
        else. :func:`scellm.pp.prepare` reads symbols and Ensembl ids, so map them first, and knows no gene lengths.
        `obs`: `cell_type` (alpha, beta, delta, PP) and what else the series states, such as donor and condition.

    Raises
    ------
    ConnectionError
        If a file cannot be downloaded.
    ValueError
        If the series states no cell types, or cells are not in it.

    Examples
    --------
    >>> adata = scellm.datasets.xin()  # doctest: +SKIP
    """
    x, genes, cells, _ = read_sparse(VALUES.fetch(), sep="\t")  # genes in rows
    samples = read_samples(LABELS.fetch())
    if missing := sorted(set(cells) - set(samples.index)):
        msg = f"{len(missing)} cells of {VALUES.name} are not in {LABELS.name}, such as {missing[0]!r}."
        raise ValueError(msg)
    obs = samples.reindex(cells)
    return cells_by_genes(
        x.T, cells, genes, obs=obs, uns={"source": VALUES.url, "licence": "terms of GEO", "values": "RPKM"}
    )


def read_samples(path: str | PathLike) -> pd.DataFrame:
    """The characteristics of the samples of a series matrix, one row per "Sample_N"."""
    titles: list[str] = []
    stated: list[dict[str, str]] = []
    with gzip.open(path, "rt") as file:
        for row in csv.reader(file, delimiter="\t"):
            if row and row[0] == "!Sample_title":
                titles = [f"Sample_{t.rsplit(' ', 1)[-1].removeprefix('Sample_')}" for t in row[1:]]
                stated = [{} for _ in titles]
            elif row and row[0] == "!Sample_characteristics_ch1":  # a row may state different things of samples
                for sample, value in zip(stated, row[1:], strict=True):
                    key, _, what = value.partition(":")
                    sample[key.strip()] = what.strip()
    table = pd.DataFrame(stated, index=titles)
    if "cell subtype" not in table:
        msg = f"{path} states no 'cell subtype'; it states {sorted(table.columns)}."
        raise ValueError(msg)
    return table.rename(columns={"cell subtype": "cell_type"}).drop(columns="", errors="ignore").astype("category")
