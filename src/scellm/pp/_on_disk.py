"""Rows of a matrix that stays on disk: a backed AnnData, HDF5, zarr or dask."""

from __future__ import annotations

from typing import Any

import numpy as np

_DENSE_VALUES, _SPARSE_VALUES = 1 << 22, 1 << 25  # read at once; of a sparse matrix, a tenth or less is stored


def is_on_disk(x: Any) -> bool:
    """Whether rows of `x` are read, or computed, when they are indexed.

    Parameters
    ----------
    x
        A matrix of an AnnData.
    """
    return hasattr(x, "to_memory") or hasattr(x, "compute") or type(x).__module__.split(".")[0] in {"h5py", "zarr"}


def rows_between(x: Any, start: int, stop: int) -> Any:
    """Consecutive rows, sparse or dense, in memory.

    Parameters
    ----------
    x
        A matrix, in memory or not.
    start, stop
        The first row, and the first that is left out.
    """
    return _computed(x[start:stop])


def rows_of(x: Any, index: np.ndarray) -> Any:
    """Some rows, sparse or dense, in memory.

    Parameters
    ----------
    x
        A matrix on disk.
    index
        Ascending positions without repeats, as HDF5 wants them.
    """
    return _computed(x.oindex[index] if hasattr(x, "oindex") else x[index])


def rows_at_once(x: Any) -> int:
    """Rows to read at once: a chunk of dask, so that none is computed twice, else some millions of places.

    Parameters
    ----------
    x
        A matrix on disk.
    """
    if hasattr(x, "chunks") and hasattr(x, "compute"):
        return max(max(x.chunks[0], default=1), 1)
    places = _SPARSE_VALUES if hasattr(x, "to_memory") else _DENSE_VALUES
    return max(places // max(x.shape[1], 1), 1)


def _computed(rows: Any) -> Any:
    return rows.compute() if hasattr(rows, "compute") else rows
