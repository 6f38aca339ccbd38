"""Expression of cancer cell lines: DepMap."""

from __future__ import annotations

from os import PathLike

import pandas as pd
from anndata import AnnData

from scellm.datasets._files import PublicFile
from scellm.datasets._table import cells_by_genes, read_sparse

# Release 24Q4, the last one at figshare, doi 10.25452/figshare.plus.27993248.v1
EXPRESSION = PublicFile(
    "OmicsExpressionProteinCodingGenesTPMLogp1.csv",
    "https://ndownloader.figshare.com/files/51065489",
    "2a71dc94110efcc0221eae821bb93a9f03b54bea16f005818911a09d33383d56",
)
MODELS = PublicFile(
    "Model.csv",
    "https://ndownloader.figshare.com/files/51065297",
    "b7a0c1385e6cef30132b56aff61f1261d11e3f490490b355c430d32ee0dbdcfa",
)
_FLAGS = ("SequencingID", "ModelConditionID", "ModelID", "IsDefaultEntryForMC", "IsDefaultEntryForModel")


def depmap(expression: str | PathLike | None = None, models: str | PathLike | None = None) -> AnnData:
    """Bulk expression of cancer cell lines, DepMap release 24Q4.

    Parameters
    ----------
    expression, models
        Files of another release, with the layout of 22Q4 to 24Q4 (one row per line) or of 25Q3 and later (with columns
        for the sequencing, of which the default entry of each line is kept).

    Returns
    -------
    anndata.AnnData
        log2(TPM + 1), CSR float32, 1,673 lines by 19,193 genes; `obs`: the columns of `Model.csv`, such as
        `SangerModelID`, which joins :func:`gdsc`, and `OncotreeLineage`; `var["entrez"]`.

    Raises
    ------
    ConnectionError
        If a file cannot be downloaded.
    ValueError
        If a file does not have the published hash, or lines are not in the table of models.

    Examples
    --------
    >>> lines = scellm.datasets.depmap()  # doctest: +SKIP
    """
    path = EXPRESSION.fetch() if expression is None else expression
    header = pd.read_csv(path, nrows=0).columns
    flags = [c for c in _FLAGS if c in header]
    x, rows, columns, about = read_sparse(path, sep=",", names=flags)
    lines = pd.Index(about["ModelID"]) if "ModelID" in about else rows
    if "IsDefaultEntryForModel" in about:
        flag = about["IsDefaultEntryForModel"].astype(str)
        kept = flag.str.lower().isin(["yes", "true", "1", "1.0"]).to_numpy()
        if not kept.any():
            msg = f"{path}: no line has a default entry; IsDefaultEntryForModel holds {set(flag)}."
            raise ValueError(msg)
        x, lines = x[kept], lines[kept]
    table = pd.read_csv(MODELS.fetch() if models is None else models, index_col="ModelID")
    unknown = lines[~lines.isin(table.index)]
    if len(unknown):
        msg = f"{len(unknown)} lines are not in the table of models, such as {list(unknown[:3])}: another release?"
        raise ValueError(msg)
    names = columns.str.extract(r"^(?P<symbol>.+) \((?P<entrez>\d+)\)$")
    symbols = pd.Index(names["symbol"].fillna(pd.Series(columns)).to_numpy())
    ours = {"source": "DepMap 24Q4", "licence": "CC BY 4.0"}
    uns = ours if expression is None else {"source": str(expression), "licence": "of your file"}
    adata = cells_by_genes(x, lines, symbols, obs=table.loc[lines].set_axis(lines.astype(str)), uns=uns)
    adata.var["entrez"] = names["entrez"].to_numpy(object)
    return adata
