"""Matrices that stay on disk: a backed AnnData, HDF5, zarr or dask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from anndata import AnnData

_DENSE_VALUES, _SPARSE_VALUES = 1 << 22, 1 << 25  # read at once; of a sparse matrix, a tenth or less is stored


def is_on_disk(x: Any) -> bool:
    """Whether rows of `x` are read, or computed, when they are indexed.

    Parameters
    ----------
    x
        A matrix of an AnnData.
    """
    return hasattr(x, "to_memory") or hasattr(x, "compute") or type(x).__module__.split(".")[0] in {"h5py", "zarr"}


def on_disk(adata: AnnData) -> bool:
    """Whether X or a layer stays on disk.

    Parameters
    ----------
    adata
        Cells by genes.
    """
    return adata.isbacked or any(is_on_disk(x) for x in [adata.X, *(adata.layers[k] for k in adata.layers)])


def copy_of(adata: AnnData) -> AnnData:
    """A copy in memory, for `copy=True`; matrices on disk, which AnnData does not copy, are read.

    Parameters
    ----------
    adata
        Cells by genes.

    Returns
    -------
    anndata.AnnData
        A copy that shares nothing.
    """
    return adata.to_memory(copy=True) if on_disk(adata) else adata.copy()


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


def blocks_of(x: Any) -> Iterator[tuple[int, int]]:
    """Blocks of rows to read at once: the chunks of dask, so that none is computed twice, else some millions of places.

    Parameters
    ----------
    x
        A matrix on disk.

    Yields
    ------
    tuple of int
        The first row, and the first that is left out.
    """
    places = _SPARSE_VALUES if hasattr(x, "to_memory") else _DENSE_VALUES
    step = max(places // max(x.shape[1], 1), 1)
    sizes = x.chunks[0] if hasattr(x, "compute") and hasattr(x, "chunks") else (x.shape[0],)
    start = 0
    for size in sizes:
        chunk = size if len(sizes) > 1 else step
        for first in range(start, start + size, max(chunk, 1)):
            yield first, min(first + chunk, start + size)
        start += size


def _computed(rows: Any) -> Any:
    return rows.compute() if hasattr(rows, "compute") else rows
