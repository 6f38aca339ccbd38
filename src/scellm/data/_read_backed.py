"""Open files of cells whose matrices stay on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import anndata as ad
import h5py
import zarr
from anndata import AnnData
from anndata.io import read_elem, sparse_dataset

from scellm import _keys
from scellm.pp._bin_all import mapped_rows

FORMATS = {".h5ad", ".zarr"}
_IN_MEMORY = ("obs", "var", "obsm", "varm", "obsp", "varp", "uns")


def read_backed(path: str | PathLike) -> AnnData:
    """Open a `.h5ad` file or a `.zarr` store, and leave `X`, the layers and the `X` of `raw` on disk.

    `prepare`, models and tools read such data block by block, and memory does not grow with the number of cells. What a
    function writes, such as `adata.obsm["X_celllm"]`, is written to the AnnData in memory, never to the file.
    (`anndata.read_h5ad(path, backed="r")` leaves `X` and `raw` on disk and reads the layers.)

    To keep what was written, **write to another path**: `adata.write_zarr` onto the store that was read erases the
    counts before it could read them.

    Parameters
    ----------
    path
        The file or store. A store may also have another name, if it is a folder.

    Returns
    -------
    anndata.AnnData
        `obs`, `var`, `obsm`, `varm`, `obsp`, `varp` and `uns` are in memory. The matrices are on disk: stored by rows
        (CSR) or dense, rows are read as they are needed; stored by columns (CSC), a matrix is read whole when it is
        used. A subset such as `adata[mask]` reads the rows of `X` that it has; to use a part of the cells, pass
        `indices=` to the methods of a model.

    Raises
    ------
    FileNotFoundError
        If there is nothing at `path`.
    ValueError
        If it holds no AnnData.

    Examples
    --------
    >>> adata.write_h5ad("atlas.h5ad")
    >>> atlas = scellm.data.read_backed("atlas.h5ad")
    >>> scellm.tl.annotate(atlas, model)
    """
    path = Path(path).expanduser()
    return _anndata(_group(path), path)


@contextmanager
def opened(path: Path) -> Iterator[AnnData]:
    """The AnnData of a file, for as long as the context lasts; a file of HDF5 is then closed.

    Parameters
    ----------
    path
        As for :func:`read_backed`, which says what is raised.
    """
    group = _group(path.expanduser())
    try:
        yield _anndata(group, path)
    finally:
        if isinstance(group, h5py.File):
            group.close()


def _group(path: Path) -> Any:
    """The root group of a file or store; raises FileNotFoundError or ValueError."""
    if not path.exists():
        msg = f"There is no file {str(path)!r}. Pass the path of a .h5ad file or of a .zarr store."
        raise FileNotFoundError(msg)
    try:
        return zarr.open_group(path, mode="r") if path.is_dir() else h5py.File(path, "r")
    except (OSError, ValueError) as error:
        raise ValueError(_not_anndata(path, error)) from error


def _not_anndata(path: Path, why: object) -> str:
    files = sorted(f.name for f in path.iterdir() if f.suffix in FORMATS)[:3] if path.is_dir() else []
    hint = (
        f"It is a folder with files such as {files}: pass one of them, or make a corpus of all for pretraining, "
        "scellm.data.build_corpus."
        if files
        else "Write it with AnnData.write_h5ad or AnnData.write_zarr."
    )
    return f"{str(path)!r} cannot be read as an AnnData: {why}. {hint}"


def _anndata(group: Any, path: Path) -> AnnData:
    """The AnnData of a group, with its matrices on disk."""
    if not {"obs", "var"} <= set(group):
        kind = "it is a file of 10x: read it with scanpy.read_10x_h5" if "matrix" in group else "it has no obs and var"
        raise ValueError(_not_anndata(path, kind))
    if "encoding-type" not in group.attrs and isinstance(group, h5py.File):  # written before anndata 0.7
        return _whole(path)
    try:
        found = AnnData(
            X=_matrix(group["X"]) if "X" in group else None,
            layers={name: _matrix(group["layers"][name]) for name in group.get("layers", ())},
            **{name: read_elem(group[name]) for name in _IN_MEMORY if name in group},
        )
        raw = group.get("raw")
        if hasattr(raw, "keys") and "X" in raw:  # a store writes an empty element for data without raw
            found.raw = AnnData(X=_matrix(raw["X"]), obs=found.obs[[]], var=read_elem(raw["var"]))
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ValueError(_not_anndata(path, error)) from error
    if _keys.BINS in found.layers:  # the file was prepared: its bins are read in any order, as those of prepare
        found.layers[_keys.BINS] = mapped_rows(found.layers[_keys.BINS])
    return found


def _matrix(stored: Any) -> Any:
    """A matrix on disk: sparse ones are groups, dense ones are arrays of HDF5 or zarr themselves."""
    return sparse_dataset(stored) if hasattr(stored, "keys") else stored


def _whole(path: Path) -> AnnData:
    """The AnnData of a file whose layout has no lazy reader."""
    try:
        return ad.read_h5ad(path)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ValueError(_not_anndata(path, error)) from error
