"""Oral cancer cells under cisplatin."""

from __future__ import annotations

import pandas as pd
from anndata import AnnData

from scellm.datasets._files import PublicFile
from scellm.datasets._table import cells_by_genes, read_sparse

_AT = "https://ftp.ncbi.nlm.nih.gov/geo/series/GSE117nnn/GSE117872/suppl"
VALUES = PublicFile("GSE117872_good_Data_TPM.txt.gz", f"{_AT}/GSE117872_good_Data_TPM.txt.gz")
LABELS = PublicFile("GSE117872_good_Data_cellinfo.txt.gz", f"{_AT}/GSE117872_good_Data_cellinfo.txt.gz")


def gse117872() -> AnnData:
    """Cells of oral squamous cell carcinoma of patients, before and after cisplatin (Sharma et al. 2018).

    Returns
    -------
    anndata.AnnData
        TPM, not counts, CSR float32, about 1,300 cells. `obs["response"]`: the authors' "Sensitive", "Resistant" or
        "Holiday" (off the drug), from their column `cluster`; `obs["origin"]`: the patient's line; the others as
        published, where `drug_status` says primary or metastatic. The response goes with the culture, so check
        :func:`scellm.pp.check_confounding` before a score is believed.

    Raises
    ------
    ConnectionError
        If a file cannot be downloaded.
    ValueError
        If cells of the matrix are not in the table.

    Examples
    --------
    >>> adata = scellm.datasets.gse117872()  # doctest: +SKIP
    """
    x, genes, cells, _ = read_sparse(VALUES.fetch(), sep="\t")  # genes in rows
    obs = pd.read_csv(LABELS.fetch(), sep="\t", index_col="groups", dtype=str)
    plain = lambda names: names.astype(str).str.replace("-", ".", regex=False)  # R writes a dot for a hyphen
    at = pd.Index(plain(obs.index)).get_indexer(pd.Index(plain(cells)))
    if (at < 0).any():
        msg = f"{int((at < 0).sum())} cells of {VALUES.name} are not in {LABELS.name}, such as {cells[at < 0][0]!r}."
        raise ValueError(msg)
    obs = obs.iloc[at].set_axis(cells.astype(str))
    obs["response"] = obs["cluster"]
    uns = {"source": _AT, "licence": "terms of GEO", "values": "TPM"}
    return cells_by_genes(x.T, cells, genes, obs=obs.astype("category"), uns=uns)
