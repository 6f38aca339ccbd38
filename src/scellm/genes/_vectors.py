"""Read gene embeddings that a user gives by name, as a table or as a file."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from scellm.genes._align import align_rows
from scellm.genes._string_vectors import load_string_vectors

NAMED: dict[str, Callable[[], pd.DataFrame | None]] = {"random": lambda: None, "string": load_string_vectors}
"""Gene embeddings by name."""

_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": lambda path: pd.read_csv(path, index_col=0),
    ".tsv": lambda path: pd.read_csv(path, index_col=0, sep="\t"),
    ".parquet": pd.read_parquet,
}


def read_gene_embeddings(given: pd.DataFrame | str | PathLike) -> pd.DataFrame | None:
    """Read gene embeddings from a name, a table or a file.

    Parameters
    ----------
    given
        A key of `NAMED`, a DataFrame, or a path to a `.csv`, `.tsv` (also compressed) or `.parquet` whose first column
        names the genes.

    Returns
    -------
    pandas.DataFrame or None
        float32, (genes, dimensions); `None` for "random".

    Raises
    ------
    ValueError
        If the name is not known, or a column is not numeric.
    FileNotFoundError
        If there is no such file.
    """
    if isinstance(given, str) and given in NAMED:
        return NAMED[given]()
    table = given if isinstance(given, pd.DataFrame) else _read(given)
    words = [c for c in table.columns if not pd.api.types.is_numeric_dtype(table[c])]
    if words or table.shape[1] == 0:
        msg = (
            "gene_embeddings must hold numbers, with the genes in its index; found "
            f"{words[:3] or 'no column'}. Use .set_index(...) first."
        )
        raise ValueError(msg)
    return table.astype("float32")


def _read(given: str | PathLike) -> pd.DataFrame:
    path = Path(given)
    reader = next((_READERS[s] for s in path.suffixes if s in _READERS), None)
    if reader is None:
        msg = (
            f"gene_embeddings={str(given)!r} is not known; expected {list(NAMED)}, a DataFrame, or a path that ends in "
            f"{list(_READERS)}."
        )
        raise ValueError(msg)
    if not path.exists():
        msg = f"gene_embeddings={str(given)!r}: there is no such file."
        raise FileNotFoundError(msg)
    return reader(path)


def vocabulary_rows(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Gene ids and embeddings of the rows of a table that can be used.

    Parameters
    ----------
    table
        Genes by dimensions, indexed by any identifiers that `prepare` understands. Rows with missing values are left
        out; if a gene has several other rows, the first is used.

    Returns
    -------
    tuple of numpy.ndarray
        Positions in the vocabulary, int64, (genes,); embeddings, float64, (genes, dimensions).

    Raises
    ------
    ValueError
        If no gene is known.
    """
    finite = np.isfinite(table.to_numpy("float32")).all(1)
    rows = align_rows(table.index, "the index of gene_embeddings", finite)
    if rows.empty:
        msg = (
            "gene_embeddings names no gene that scellm knows; expected symbols or Ensembl ids in its index, found "
            f"{list(table.index[:3])}."
        )
        raise ValueError(msg)
    return rows.index.to_numpy(), table.to_numpy("float64")[rows.to_numpy()]
