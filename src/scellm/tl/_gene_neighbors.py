"""Genes whose vectors are closest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scellm.pp import load_vocabulary
from scellm.pp._genes import match_names

if TYPE_CHECKING:
    from scellm.model import CellLM


def gene_neighbors(model: CellLM | pd.DataFrame, genes: str | Sequence[str], *, n_neighbors: int = 10) -> pd.DataFrame:
    """The nearest genes of some genes, by the cosine of their vectors after the mean of all is taken off.

    Parameters
    ----------
    model
        A model, or gene vectors such as :func:`scellm.train.graphmae.learn` gives; genes without a vector (NaN) are left out.
    genes
        One or several, by any identifier that :func:`scellm.pp.prepare` knows.
    n_neighbors
        How many for each.

    Returns
    -------
    pandas.DataFrame
        Columns `gene`, `neighbor`, `similarity` (from -1 to 1), the nearest first.

    Raises
    ------
    KeyError
        If a gene is not known or has no vector.

    Examples
    --------
    >>> scellm.tl.gene_neighbors(scellm.train.graphmae.load_string_vectors(), "CD3E")
    """
    vectors = model if isinstance(model, pd.DataFrame) else model.get_gene_embeddings()
    vectors = vectors[np.isfinite(vectors.to_numpy()).all(1)]
    wanted = [genes] if isinstance(genes, str) else list(genes)
    rows = vectors.index.get_indexer(pd.Index(_symbols(wanted)))
    lacking = [g for g, row in zip(wanted, rows, strict=True) if row < 0]
    if lacking:
        msg = f"{lacking[:3]} have no vector; {len(vectors):,} genes have one, such as {list(vectors.index[:3])}."
        raise KeyError(msg)
    v = vectors.to_numpy("float64")
    v = v - v.mean(0)
    v /= np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12)
    cosine = v[rows] @ v.T  # (wanted, genes)
    cosine[np.arange(len(rows)), rows] = -np.inf  # a gene is no neighbour of itself
    n = min(n_neighbors, len(v) - 1)
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :n]
    return pd.DataFrame({
        "gene": np.repeat(vectors.index[rows].to_numpy(), n), "neighbor": vectors.index.to_numpy()[nearest].ravel(),
        "similarity": np.take_along_axis(cosine, nearest, 1).ravel(),
    })  # fmt: skip


def _symbols(names: list[str]) -> list[str]:
    """Approved symbols; a name that is not known stays."""
    vocabulary = load_vocabulary()
    ids = match_names(pd.Index(names), vocabulary).ids
    return [vocabulary.symbols[i] if i >= 0 else name for i, name in zip(ids, names, strict=True)]
