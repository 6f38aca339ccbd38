"""The honest floor: logistic regression on log-normalised expression."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from anndata import AnnData
from sklearn.preprocessing import MaxAbsScaler

from scellm.baselines._on_features import OnFeatures
from scellm.data._prepared import ensure_prepared, gene_ids, report_of
from scellm.pp._expression import find_expression


class LogisticRegression(OnFeatures):
    """Multinomial logistic regression on `log1p` of counts per 10,000, each gene scaled by its largest value.

    No language model of cells has been shown to beat it by much (Boiarsky et al. 2024), so it stands beside every score of ours.

    Parameters
    ----------
    C
        Inverse strength of the L2 penalty.
    max_iter
        Iterations of L-BFGS.

    Examples
    --------
    >>> floor = scellm.baselines.LogisticRegression().fit(adata, "cell_type", indices=train)
    >>> floor.predict(adata, indices=test)
    """

    def __init__(self, C: float = 1.0, max_iter: int = 1000) -> None:
        super().__init__(MaxAbsScaler(), C, max_iter)

    def features(self, adata: AnnData, rows: np.ndarray) -> Any:
        """Log expression of the cells, sparse, on the vocabulary."""
        return log_expression(adata, rows)


def log_expression(adata: AnnData, rows: np.ndarray, target_sum: float = 1e4) -> Any:
    """`log1p` of counts per `target_sum` on the genes of the vocabulary, so that any two data sets share columns.

    Parameters
    ----------
    adata
        Prepared, or to be.
    rows
        Which cells.
    target_sum
        What a cell's counts are scaled to.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32, (cells, genes of the vocabulary).
    """
    from scellm.pp import load_vocabulary

    ensure_prepared(adata)
    expression = find_expression(adata, report_of(adata)["matrix"].removeprefix("layers/"))
    if expression.matrix.name == "raw":
        place = adata.var_names.get_indexer(expression.matrix.var.index)
        ids = np.where(place >= 0, gene_ids(adata)[place], -1)
    else:
        ids = gene_ids(adata)
    counts, totals = expression.linear(expression.matrix.rows(rows))
    known = np.flatnonzero(ids >= 0)
    to_gene = sp.csr_matrix((np.ones(len(known)), (known, ids[known])), shape=(len(ids), len(load_vocabulary())))
    scale = sp.diags(target_sum / np.maximum(totals, 1))
    return (scale @ counts @ to_gene).log1p().astype(np.float32).tocsr()
