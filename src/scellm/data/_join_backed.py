"""Several files of cells as one AnnData whose matrices stay on disk."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import anndata as ad
from anndata import AnnData
from anndata.experimental import read_elem_lazy

from scellm.data._read_backed import read_backed

_SHARED = 0.5  # of the genes of the smaller of two files; below it, they name genes differently


def join_backed(paths: Sequence[str | Path], *, file_key: str = "file") -> AnnData:
    """Open several `.h5ad` files and `.zarr` stores as one AnnData, and leave the expression on disk.

    The genes are those of all files, and a gene that a file lacks is not expressed there. Cells follow each other in
    the order of `paths`, and are named `<name>-<file>`. For embedding and annotation, which read each cell once. To
    pretrain on many files, which reads cells in random order, make a corpus: :func:`scellm.data.build_corpus`.

    Parameters
    ----------
    paths
        The files, each as :func:`read_backed` takes it. They name genes in one way, in `var_names`.
    file_key
        New column of `obs` with the name of the file of each cell.

    Returns
    -------
    anndata.AnnData
        `obs` of all files, with `file_key`; `var` with the columns that agree. `X` is an array of dask: the `X` of
        `raw` where all files have one, as it is closer to counts, else `X`, with the layers that all have. `obsm`,
        `uns` and all else are left out.

    Raises
    ------
    ImportError
        If dask is not installed: `pip install "scellm[stream]"`.
    ValueError
        If there is no file, two have the same name, a file cannot be read, or two files name genes differently.

    Examples
    --------
    >>> adata = scellm.data.join_backed(sorted(Path("atlas").glob("*.h5ad")))
    >>> scellm.tl.annotate(adata, "celllm-immune")
    >>> adata.obs.groupby("file")["celllm_type"].value_counts()
    """
    files = [Path(p) for p in paths]
    names = [f.stem for f in files]
    if not files or len(set(names)) < len(names):
        msg = f"join_backed needs files with unique names; found {names}."
        raise ValueError(msg)
    if find_spec("dask") is None:
        msg = 'Joining files that stay on disk needs dask. Install it: pip install "scellm[stream]".'
        raise ImportError(msg)
    opened = [read_backed(f) for f in files]
    of_raw = all(a.raw is not None for a in opened)
    parts = [_lazy(a, of_raw=of_raw) for a in opened]
    _check_genes(parts, names)
    return ad.concat(parts, join="outer", merge="same", label=file_key, keys=names, index_unique="-", fill_value=0)


def _lazy(adata: AnnData, *, of_raw: bool) -> AnnData:
    """Cells, genes and matrices of one file, as arrays of dask."""
    if of_raw:
        return AnnData(X=_dask(adata.raw.X), obs=adata.obs, var=adata.raw.var)
    layers = {name: _dask(adata.layers[name]) for name in adata.layers if name is not None}
    return AnnData(X=None if adata.X is None else _dask(adata.X), obs=adata.obs, var=adata.var, layers=layers)


def _dask(matrix: Any) -> Any:
    """An array of dask over a matrix on disk."""
    return read_elem_lazy(getattr(matrix, "group", matrix))  # of a sparse matrix, the group that holds its parts


def _check_genes(parts: list[AnnData], names: list[str]) -> None:
    first = parts[0].var_names
    for part, name in zip(parts, names, strict=True):
        genes = part.var_names
        shared = len(first.intersection(genes)) / max(min(len(first), len(genes)), 1)
        if shared < _SHARED:
            msg = (
                f"{names[0]!r} and {name!r} share {shared:.0%} of their genes: one names them {list(first[:3])}, the "
                f"other {list(genes[:3])}. Name genes alike in var_names, or use scellm.data.build_corpus, which "
                "matches the genes of each file by itself."
            )
            raise ValueError(msg)
