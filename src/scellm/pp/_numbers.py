"""Values and structure of a matrix, checked and made wide enough to be summed."""

from __future__ import annotations

from typing import Any

import numpy as np


def as_numbers(values: np.ndarray, name: str) -> np.ndarray:
    """Values in a dtype in which sums of counts are exact: float32 and float64 as they are, all others as float64.

    Parameters
    ----------
    values
        Of any dtype.
    name
        Name of the matrix, for the message.

    Returns
    -------
    numpy.ndarray
        float32 or float64, native byte order, of the same shape.

    Raises
    ------
    ValueError
        If they are complex numbers, or no numbers.
    """
    dtype = values.dtype
    if dtype.kind == "f" and dtype.itemsize in (4, 8):
        return values if dtype.isnative else values.astype(dtype.newbyteorder("="))
    if dtype.kind in "biu":
        return values.astype(np.float64)
    try:
        converted = None if dtype.kind == "c" else values.astype(np.float32 if dtype == np.float16 else np.float64)
    except (TypeError, ValueError):
        converted = None
    if converted is None:
        msg = f"adata.{name} holds values of dtype {dtype}, which are no real numbers."
        raise ValueError(msg)
    return converted


def check_structure(x: Any, name: str) -> None:
    """Check the index arrays of a CSR or CSC matrix; SciPy reads damaged ones without a word.

    Parameters
    ----------
    x
        CSR or CSC, in memory.
    name
        Name of the matrix, for the message.

    Raises
    ------
    ValueError
        If an index is out of range, or the offsets do not fit the values.
    """
    width = x.shape[1] if x.format == "csr" else x.shape[0]
    indptr, indices = x.indptr, x.indices
    found = ""
    if len(indptr) and indptr[0] != 0:
        found = f"offsets start at {indptr[0]}, not at 0"
    elif (np.diff(indptr) < 0).any():
        found = "offsets fall"
    elif indptr[-1] != len(indices) or len(indices) != len(x.data):
        found = f"offsets end at {indptr[-1]:,}, with {len(indices):,} indices and {len(x.data):,} values"
    elif len(indices) and (indices.min() < 0 or indices.max() >= width):
        found = f"indices go from {indices.min()} to {indices.max()}, with {width:,} places"
    if found:
        msg = f"{name} is a damaged sparse matrix: {found}. Write it again from its source."
        raise ValueError(msg)
