"""Start the gene table from given vectors."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from scellm.nn._gene_table import GeneTable
from scellm.pp._genes import match_names
from scellm.pp._vocabulary import load_vocabulary
from scellm.train.graphmae import load_string_vectors

NAMED: dict[str, Callable[[], pd.DataFrame | None]] = {"random": lambda: None, "string": load_string_vectors}
"""Gene vectors by name."""

_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": lambda path: pd.read_csv(path, index_col=0),
    ".tsv": lambda path: pd.read_csv(path, index_col=0, sep="\t"),
    ".parquet": pd.read_parquet,
}


def read_gene_embeddings(given: pd.DataFrame | str | PathLike) -> pd.DataFrame | None:
    """Gene vectors from what a user may give.

    Parameters
    ----------
    given
        A key of `NAMED`, a DataFrame, or a path to a `.csv`, `.tsv` (also compressed) or `.parquet` whose first column names the genes.

    Returns
    -------
    pandas.DataFrame or None
        float32, genes by numbers; `None` for "random".

    Raises
    ------
    ValueError
        If the word is not known, or a column is no number.
    FileNotFoundError
        If there is no such file.
    """
    if isinstance(given, str) and given in NAMED:
        return NAMED[given]()
    vectors = given if isinstance(given, pd.DataFrame) else _read(given)
    words = [c for c in vectors.columns if not pd.api.types.is_numeric_dtype(vectors[c])]
    if words or vectors.shape[1] == 0:
        msg = f"gene_embeddings must hold numbers, with the genes in its index; found {words[:3] or 'no column'}. Use .set_index(...) first."
        raise ValueError(msg)
    return vectors.astype("float32")


def _read(given: str | PathLike) -> pd.DataFrame:
    path = Path(given)
    reader = next((_READERS[s] for s in path.suffixes if s in _READERS), None)
    if reader is None:
        msg = f"gene_embeddings={str(given)!r} is not known; expected {list(NAMED)}, a DataFrame, or a path that ends in {list(_READERS)}."
        raise ValueError(msg)
    if not path.exists():
        msg = f"gene_embeddings={str(given)!r}: there is no such file."
        raise FileNotFoundError(msg)
    return reader(path)


@torch.no_grad()
def set_gene_embeddings(table: GeneTable, vectors: pd.DataFrame, *, rescale: bool = True) -> None:
    """Write vectors into the rows of the genes they name.

    Genes that are not named, or whose numbers are missing, get random vectors of the mean and variance of the others: zeros, or one
    vector for all of them, would make them the same gene.

    Parameters
    ----------
    table
        The gene table, (genes and special tokens, width).
    vectors
        Genes by width; any identifiers that `prepare` understands. Of two rows of one gene the first counts.
    rescale
        Bring each column to mean 0 and variance 1, as the vectors of bins start, so that neither drowns the other in a token's sum.

    Raises
    ------
    ValueError
        If the width is another, or no gene is known.
    """
    width = table.weight.shape[1]
    if vectors.shape[1] != width:
        msg = f"gene_embeddings has {vectors.shape[1]} columns and gene_dim={width}. Leave gene_dim out: it is taken from the vectors."
        raise ValueError(msg)
    rows = _rows(vectors)
    values = vectors.to_numpy("float64")[rows.to_numpy()]
    mean, sd = values.mean(0), values.std(0)
    if rescale:
        values, mean, sd = (values - mean) / np.where(sd > 0, sd, 1), np.zeros_like(mean), np.ones_like(sd)
    like = lambda x: torch.as_tensor(x, dtype=table.weight.dtype)
    table.weight.mul_(like(sd)).add_(like(mean))  # drawn from N(0, 1)
    table.weight[rows.index.to_numpy()] = like(values)


def _rows(vectors: pd.DataFrame) -> pd.Series:
    """From the position of a gene in the vocabulary to its row in `vectors`; rows with a missing number are left out."""
    match = match_names(vectors.index, load_vocabulary(), "the index of gene_embeddings")
    whole = np.isfinite(vectors.to_numpy("float32")).all(1)
    if not (match.known & whole).any():
        msg = f"gene_embeddings names no gene that scellm knows; expected symbols or Ensembl ids in its index, found {list(vectors.index[:3])}."
        raise ValueError(msg)
    rows = pd.Series(np.arange(len(vectors)), index=match.ids)[match.known & whole]
    return rows[~rows.index.duplicated()]
