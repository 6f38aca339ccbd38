"""Tables of numbers that are mostly zero, read in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import IO, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from anndata.utils import make_index_unique
from pandas.api.types import is_numeric_dtype

_ROWS = 1000  # rows read at once: a dense part of some ten thousand columns takes 100 MB


def read_sparse(
    path: str | PathLike | IO[bytes], *, sep: str, names: Sequence[str] = (), **options: Any
) -> tuple[sp.csr_matrix, pd.Index, pd.Index, pd.DataFrame]:
    """A table as a sparse matrix; it is never dense as a whole.

    Parameters
    ----------
    path
        Text file, plain or compressed; the first column names the rows.
    sep
        Separator.
    names
        Columns that are no numbers.
    **options
        For :func:`pandas.read_csv`.

    Returns
    -------
    tuple
        CSR float32, (rows, columns); names of rows and columns; and the columns that are no numbers.

    Raises
    ------
    ValueError
        If a value is missing or no number, as in a file that was cut off.
    """
    parts, rows, others = [], [], []
    columns: pd.Index = pd.Index([], dtype=object)
    options = {"keep_default_na": False, "chunksize": _ROWS, **options}  # a gene may be called "NA"
    with pd.read_csv(path, sep=sep, index_col=0, **options) as reader:
        for part in reader:
            others.append(part[list(names)])
            numbers = part.drop(columns=list(names))
            columns = numbers.columns
            parts.append(sp.csr_matrix(_numbers(numbers, path)))
            rows.append(part.index)
    index = rows[0].append(rows[1:]) if len(rows) > 1 else rows[0]
    return sp.csr_matrix(sp.vstack(parts, format="csr")), index, columns, pd.concat(others)


def _numbers(part: pd.DataFrame, path: Any) -> np.ndarray:
    """A part as float32; raises ValueError that names the first row with something else."""
    bad = [i for i, kind in enumerate(part.dtypes) if not is_numeric_dtype(kind)]
    whole = part.isna().to_numpy()
    for i in bad:
        whole[:, i] = pd.to_numeric(part.iloc[:, i], errors="coerce").isna()
    if whole.any():
        row = int(np.flatnonzero(whole.any(axis=1))[0])
        msg = (
            f"{getattr(path, 'name', path)}: row {part.index[row]!r} holds a value that is missing or no number. The "
            "file may have been cut off: download it again."
        )
        raise ValueError(msg)
    return part.to_numpy(np.float32)


def cells_by_genes(
    x: sp.csr_matrix,
    cells: pd.Index,
    genes: pd.Index,
    obs: pd.DataFrame | None = None,
    uns: Mapping[str, str] | None = None,
) -> AnnData:
    """An AnnData of a matrix, with the source and the licence in `uns`."""
    obs = pd.DataFrame(index=cells.astype(str)) if obs is None else obs
    obs = obs.set_axis(make_index_unique(obs.index.rename(None)))
    var = pd.DataFrame(index=make_index_unique(genes.astype(str).rename(None)))
    return AnnData(sp.csr_matrix(x), obs=obs, var=var, uns=dict(uns or {}))
