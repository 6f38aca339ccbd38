"""Genes whose embeddings are most similar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from scellm.genes import load_vocabulary, match_names
from scellm.model import TokenModel


def gene_neighbors(
    model: TokenModel | pd.DataFrame, genes: str | Sequence[str], *, n_neighbors: int = 10
) -> pd.DataFrame:
    """Find the nearest genes of some genes, by the cosine of their centred embeddings.

    Parameters
    ----------
    model
        A model, or gene embeddings such as those of :func:`scellm.train.graphmae.train`. Genes without an embedding
        (NaN) are left out.
    genes
        One or several, by any identifier that :func:`scellm.pp.prepare` knows.
    n_neighbors
        Number of neighbours of each gene.

    Returns
    -------
    pandas.DataFrame
        Columns `gene`, `neighbor`, `similarity` (from -1 to 1), the nearest first.

    Raises
    ------
    KeyError
        If a gene is not known or has no embedding.

    Examples
    --------
    >>> near = scellm.tl.gene_neighbors(scellm.genes.load_string_vectors(), "CD3E")
    >>> list(near.columns)
    ['gene', 'neighbor', 'similarity']
    """
    table = model if isinstance(model, pd.DataFrame) else model.get_gene_embeddings()
    table = table[np.isfinite(table.to_numpy()).all(1)]
    wanted = [genes] if isinstance(genes, str) else list(genes)
    rows = table.index.get_indexer(pd.Index(_symbols(wanted)))
    lacking = [g for g, row in zip(wanted, rows, strict=True) if row < 0]
    if lacking:
        msg = f"{lacking[:3]} have no embedding; {len(table):,} genes have one, such as {list(table.index[:3])}."
        raise KeyError(msg)
    v = table.to_numpy("float64")
    v = v - v.mean(0)
    v /= np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12)
    cosine = v[rows] @ v.T  # (wanted, genes)
    cosine[np.arange(len(rows)), rows] = -np.inf  # a gene is not its own neighbour
    n = min(n_neighbors, len(v) - 1)
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :n]
    return pd.DataFrame(
        {
            "gene": np.repeat(table.index[rows].to_numpy(), n),
            "neighbor": table.index.to_numpy()[nearest].ravel(),
            "similarity": np.take_along_axis(cosine, nearest, 1).ravel(),
        }
    )


def _symbols(names: list[str]) -> list[str]:
    """Approved symbols; an unknown name is unchanged."""
    vocabulary = load_vocabulary()
    ids = match_names(pd.Index(names), vocabulary).ids
    return [vocabulary.symbols[i] if i >= 0 else name for i, name in zip(ids, names, strict=True)]
