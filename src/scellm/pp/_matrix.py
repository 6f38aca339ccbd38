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
from scellm._logging import logger
from scellm._on_disk import blocks_of, is_on_disk, rows_between, rows_of
from scellm.pp._feature_types import Features
from scellm.pp._numbers import as_numbers, check_structure

SUM = " + "
"""Between the names of layers that are read as their sum."""

_BLOCK_VALUES = 1 << 18  # values per block: its working arrays stay in the processor's cache


class Matrix:
    """One matrix of an AnnData: in memory, or on disk in HDF5, zarr or dask; CSR, CSC, sparse array or dense.

    Parameters
    ----------
    x
        The matrix, cells in rows.
    name
        "X", "raw" or "layers/<name>".
    var
        The genes of its columns.
    cells
        Names of the cells, for messages.
    features
        Which columns are genes; the values of all others are left out.
    """

    def __init__(
        self,
        x: Any,
        name: str,
        var: pd.DataFrame,
        cells: pd.Index | None = None,
        features: Features | None = None,
    ) -> None:
        self.name, self.var, self.shape, self._x = name, var, x.shape, x
        self.cells = pd.RangeIndex(self.shape[0]) if cells is None else cells
        self.features = Features.of(var) if features is None else features
        self._all_genes = bool(self.features.is_gene.all())

    @classmethod
    def of(cls, adata: AnnData, name: str, features: Features | None = None) -> Matrix:
        """The matrix called `name` in `adata`, or the sum of several; raises KeyError if there is none."""
        if SUM in name and name.removeprefix("layers/") not in layer_names(adata):
            return SumOfLayers([cls.of(adata, part, features) for part in name.split(SUM)])
        if name == "raw":
            return cls(adata.raw.X, name, adata.raw.var, adata.obs_names, features)
        x = adata.X if name == "X" else adata.layers[name.removeprefix("layers/")]
        return cls(x, name, adata.var, adata.obs_names, features)

    @classmethod
    def all_of(cls, adata: AnnData, names: list[str]) -> list[Matrix]:
        """Several matrices of `adata`."""
        features = Features.of(adata.var)
        return [cls.of(adata, name, None if name == "raw" else features) for name in names]

    def with_all_columns(self) -> Matrix:
        """The same matrix, with the values of columns that are no genes."""
        return Matrix(self._x, self.name, self.var, self.cells, Features(np.ones(self.shape[1], bool)))

    def cell(self, row: int) -> str:
        """Name of a cell, for messages."""
        return repr(str(self.cells[row]))

    @cached_property
    def _rows(self) -> Any:
        """The matrix in a form whose rows are cheap to slice."""
        x = self._x
        if getattr(x, "format", "csr") == "csc":  # in memory or backed; a backed one is read whole
            x = self._whole(x) if hasattr(x, "to_memory") else x
            check_structure(x, f"adata.{self.name}")
            return sp.csr_matrix(x)
        if sp.issparse(x) and x.format == "csr":
            check_structure(x, f"adata.{self.name}")
            return x
        if isinstance(x, np.ndarray) or is_on_disk(x):
            return x
        try:
            return sp.csr_matrix(x)
        except (TypeError, ValueError) as error:
            msg = (
                f"adata.{self.name} is a {type(x).__name__}; expected a NumPy array, a SciPy sparse matrix, a backed "
                "AnnData, or an array of zarr or dask."
            )
            raise TypeError(msg) from error

    def _whole(self, x: Any) -> Any:
        """A matrix on disk that is stored by columns, whose rows can only be had by reading all of it."""
        logger.info(
            "adata.%s is stored by columns (CSC): it is read into memory. Stored by rows (CSR), it could stay on disk.",
            self.name,
        )
        return x.to_memory()

    @property
    def on_disk(self) -> bool:
        """Whether rows are read from a file when they are needed."""
        return is_on_disk(self._rows)

    @cached_property
    def _is_canonical(self) -> bool:
        return bool(self._rows.has_canonical_format)

    def _slice(self, start: int, stop: int) -> sp.csr_matrix:
        x = self._rows
        if sp.issparse(x):  # views of the three arrays, not copies
            at = slice(int(x.indptr[start]), int(x.indptr[stop]))
            indptr = x.indptr[start : stop + 1] - x.indptr[start]
            block = _csr(as_numbers(x.data[at], self.name), x.indices[at], indptr, (stop - start, x.shape[1]))
            return self._genes_only(block if self._is_canonical else _canonical(block))
        return self._numbers(rows_between(x, start, stop))

    def _numbers(self, rows: Any) -> sp.csr_matrix:
        """Rows of any form as canonical CSR of numbers."""
        if sp.issparse(rows):
            found = sp.csr_matrix(rows) if rows.dtype == object else rows.tocsr()
            check_structure(found, f"adata.{self.name}")
            parts = (as_numbers(found.data, self.name), found.indices, found.indptr)
            return self._genes_only(_canonical(sp.csr_matrix(parts, shape=found.shape)))
        return self._genes_only(_canonical(sp.csr_matrix(as_numbers(np.asarray(rows), self.name))))

    def _genes_only(self, rows: sp.csr_matrix) -> sp.csr_matrix:
        """Leave out the values of columns that are no genes; the columns stay."""
        if self._all_genes:
            return rows
        kept = np.flatnonzero(self.features.is_gene[rows.indices])
        indptr = np.searchsorted(kept, rows.indptr).astype(rows.indptr.dtype)
        return _csr(rows.data[kept], rows.indices[kept], indptr, rows.shape)

    def blocks(self) -> Iterator[tuple[int, sp.csr_matrix]]:
        """Consecutive rows: index of the first, and CSR of about 2^18 values (more on disk)."""
        for start, stop in self._bounds():
            yield start, self._slice(start, stop)

    def _bounds(self) -> list[tuple[int, int]]:
        """First row of each block, and the first that is left out."""
        x = self._rows
        if is_on_disk(x):
            return list(blocks_of(x))
        n, per_row = self.shape[0], x.nnz / max(x.shape[0], 1) if sp.issparse(x) else self.shape[1]
        step = max(int(_BLOCK_VALUES / max(per_row, 1)), 1)
        return [(start, min(start + step, n)) for start in range(0, n, step)]

    def rows(self, index: np.ndarray) -> sp.csr_matrix:
        """Rows in the given order. Backed files only give sorted rows, so they are reordered here."""
        x, index = self._rows, np.asarray(index)
        if sp.issparse(x) or isinstance(x, np.ndarray):
            return self._numbers(x[index])
        wanted, back = np.unique(index, return_inverse=True)
        return self._numbers(rows_of(x, wanted))[back]

    @property
    def n_stored(self) -> int:
        """Number of stored values of a sparse matrix in memory; 0 for others, which would have to be read for it."""
        return int(self._rows.nnz) if sp.issparse(self._rows) else 0


class SumOfLayers(Matrix):
    """The sum of layers that are parts of one matrix, such as spliced and unspliced counts.

    Parameters
    ----------
    parts
        Matrices of the same cells and genes.
    """

    def __init__(self, parts: list[Matrix]) -> None:
        first = parts[0]
        self.parts, self.name, self.var = parts, SUM.join(p.name for p in parts), first.var
        self.shape, self.cells, self.features = first.shape, first.cells, first.features

    def _slice(self, start: int, stop: int) -> sp.csr_matrix:
        return self._sum([p._slice(start, stop) for p in self.parts])

    def rows(self, index: np.ndarray) -> sp.csr_matrix:
        """Rows in the given order."""
        return self._sum([p.rows(index) for p in self.parts])

    @staticmethod
    def _sum(blocks: list[sp.csr_matrix]) -> sp.csr_matrix:
        total = blocks[0].astype(np.float64)
        for block in blocks[1:]:
            total = total + block
        return _canonical(sp.csr_matrix(total))

    def _bounds(self) -> list[tuple[int, int]]:
        """The blocks of the part that reads fewest rows at once."""
        return min((p._bounds() for p in self.parts), key=lambda bounds: bounds[0][1] if bounds else 0)

    @property
    def on_disk(self) -> bool:
        """Whether any part is read from a file when it is needed."""
        return any(p.on_disk for p in self.parts)

    @property
    def n_stored(self) -> int:
        """An upper bound of the stored values."""
        return sum(p.n_stored for p in self.parts)


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
