"""Read any matrix of an AnnData by rows, as CSR, without making it dense."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from scellm._compat import layer_names

_BLOCK_VALUES = 1 << 18  # values per block: its working arrays stay in the processor's cache


class Matrix:
    """One matrix of an AnnData: in memory or backed, CSR, CSC, sparse array or dense.

    Parameters
    ----------
    x
        The matrix, cells in rows.
    name
        "X", "raw" or "layers/<name>".
    var
        The genes of its columns.
    """

    def __init__(self, x: Any, name: str, var: pd.DataFrame) -> None:
        self.name, self.var, self.shape, self._x = name, var, x.shape, x

    @classmethod
    def of(cls, adata: AnnData, name: str) -> Matrix:
        """The matrix called `name` in `adata`; raises KeyError if there is none."""
        if name == "X":
            return cls(adata.X, name, adata.var)
        if name == "raw":
            return cls(adata.raw.X, name, adata.raw.var)
        return cls(adata.layers[name.removeprefix("layers/")], name, adata.var)

    @cached_property
    def _rows(self) -> Any:
        """The matrix in a form whose rows are cheap to slice."""
        x = self._x
        if getattr(x, "format", "csr") == "csc":  # in memory or backed; a backed one is read whole
            x = x.to_memory() if hasattr(x, "to_memory") else x
            return sp.csr_matrix(x)
        if sp.issparse(x) and x.format == "csr":
            return x
        if isinstance(x, np.ndarray) or hasattr(x, "to_memory") or type(x).__module__.startswith("h5py"):
            return x
        try:
            return sp.csr_matrix(x)
        except (TypeError, ValueError) as error:
            msg = (
                f"adata.{self.name} is a {type(x).__name__}; expected a NumPy array, a SciPy sparse matrix or a "
                "backed AnnData."
            )
            raise TypeError(msg) from error

    @cached_property
    def _is_canonical(self) -> bool:
        return bool(self._rows.has_canonical_format)

    def _slice(self, start: int, stop: int) -> sp.csr_matrix:
        x = self._rows
        if sp.issparse(x):  # views of the three arrays, not copies
            at = slice(int(x.indptr[start]), int(x.indptr[stop]))
            block = _csr(
                x.data[at], x.indices[at], x.indptr[start : stop + 1] - x.indptr[start], (stop - start, x.shape[1])
            )
            return block if self._is_canonical else _canonical(block)
        return _canonical(sp.csr_matrix(x[start:stop]))

    def blocks(self) -> Iterator[tuple[int, sp.csr_matrix]]:
        """Consecutive rows: index of the first, and CSR of about 2^18 values (16 times that when backed)."""
        n = self.shape[0]
        step = self.rows_per_block
        for start in range(0, n, step):
            yield start, self._slice(start, min(start + step, n))

    @property
    def rows_per_block(self) -> int:
        """Rows per block."""
        x = self._rows
        per_row = x.nnz / max(x.shape[0], 1) if sp.issparse(x) else self.shape[1]
        values = _BLOCK_VALUES if sp.issparse(x) or isinstance(x, np.ndarray) else 16 * _BLOCK_VALUES
        return max(int(values / max(per_row, 1)), 1)

    def rows(self, index: np.ndarray) -> sp.csr_matrix:
        """Rows in the given order. Backed files only give sorted rows, so they are reordered here."""
        x, index = self._rows, np.asarray(index)
        if sp.issparse(x) or isinstance(x, np.ndarray):
            return _canonical(sp.csr_matrix(x[index]))
        wanted, back = np.unique(index, return_inverse=True)
        return _canonical(sp.csr_matrix(x[wanted]))[back]

    @property
    def n_stored(self) -> int:
        """Number of stored values of a sparse matrix in memory; 0 for others, which would have to be read for it."""
        return int(self._rows.nnz) if sp.issparse(self._rows) else 0


def _canonical(x: sp.csr_matrix) -> sp.csr_matrix:
    """The same matrix with sorted rows and one value per place; the user's arrays are not changed."""
    if not x.has_canonical_format:
        x = x.copy()
        x.sum_duplicates()
    return x


def _csr(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: tuple[int, int]) -> sp.csr_matrix:
    """CSR over the given arrays, unchecked: they are slices of a checked matrix."""
    out = sp.csr_matrix(shape, dtype=data.dtype)
    out.data, out.indices, out.indptr = data, indices, indptr
    return out


def matrix_names(adata: AnnData) -> list[str]:
    """Every matrix of an AnnData that may hold expression, `X` first, then layers, then `raw`."""
    names = ["X"] if adata.X is not None else []
    names += [f"layers/{name}" for name in layer_names(adata) if not str(name).startswith("celllm")]
    return names + (["raw"] if adata.raw is not None else [])
