"""Several files of cells as one AnnData whose matrices stay on disk."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import reduce
from importlib.util import find_spec
from operator import add
from os import PathLike
from pathlib import Path
from typing import Any

import anndata as ad
import pandas as pd
from anndata import AnnData
from anndata.experimental import read_elem_lazy

from scellm._logging import logger, quiet
from scellm.data._read_backed import read_backed
from scellm.pp._expression import find_expression
from scellm.pp._feature_types import Features
from scellm.pp._matrix import SumOfLayers

_SHARED = 0.5  # of the genes of the smaller of two files; below it, they name genes differently
_CELLS = 1000  # in a block of a matrix that was read into memory


def join_backed(paths: Sequence[str | PathLike], *, file_key: str = "file") -> AnnData:
    """Open several `.h5ad` files and `.zarr` stores as one AnnData, and leave the expression on disk.

    Of each file, the matrix that :func:`scellm.pp.prepare` would read is taken: each file is read once for this choice.
    The genes are those of all files, and a gene that a file lacks is not expressed there. Cells follow each other in
    the order of `paths`, and are named `<name>-<file>`. A sparse matrix that is stored by columns (CSC) cannot be read
    by cells: it is read into memory, with a warning in the log.

    This is for embedding and annotation, which read each cell once. To pretrain on many files, which reads cells in
    random order, make a corpus: :func:`scellm.data.build_corpus`.

    Parameters
    ----------
    paths
        The files, each as :func:`read_backed` takes it. They name genes in one way, in `var_names`.
    file_key
        New column of `obs` with the name of the file of each cell.

    Returns
    -------
    anndata.AnnData
        `X` is an array of dask. `obs` of all files, with `file_key`; the columns of `var` that agree wherever they are
        known. All else is left out.

    Raises
    ------
    ImportError
        If dask is not installed: `pip install "scellm[stream]"`.
    TypeError
        If `paths` is one path and no list of paths.
    ValueError
        If there is no file, two have the same name, a file cannot be read, has no counts, or names a gene twice, or two
        files name genes differently or disagree about which columns are genes.

    Examples
    --------
    >>> from pathlib import Path
    >>> atlas = scellm.data.join_backed(sorted(Path("atlas").glob("*.h5ad")))  # doctest: +SKIP
    >>> scellm.tl.annotate(atlas, "celllm-immune")  # doctest: +SKIP
    >>> atlas.obs.groupby("file")["celllm_type"].value_counts()  # doctest: +SKIP
    """
    if isinstance(paths, str | PathLike):
        msg = f"join_backed takes a list of paths; found one, {str(paths)!r}. For a single file: read_backed."
        raise TypeError(msg)
    files = [Path(p) for p in paths]
    names = [f.stem for f in files]
    if not files or len(set(names)) < len(names):
        msg = f"join_backed needs files with unique names; found {names}."
        raise ValueError(msg)
    if find_spec("dask") is None:
        msg = 'Joining files that stay on disk needs dask. Install it: pip install "scellm[stream]".'
        raise ImportError(msg)
    parts = {name: _counts_of(file) for name, file in zip(names, files, strict=True)}
    _check_genes(parts)
    joined = ad.concat(parts, join="outer", label=file_key, index_unique="-", fill_value=0)
    joined.var = _var(parts, joined.var_names)
    return joined


def _counts_of(path: Path) -> AnnData:
    """Cells of a file, with the matrix that `prepare` would read as an array of dask."""
    adata = read_backed(path)
    try:
        with quiet():
            expression = find_expression(adata)
    except (IndexError, ValueError) as error:
        msg = f"{path.name}: {error}" if adata.n_obs and adata.n_vars else f"{path.name} holds no cells: leave it out."
        raise ValueError(msg) from error
    if expression.guess:
        warnings.warn(f"{path.name}: {expression.guess}", UserWarning, stacklevel=4)
    found = expression.matrix
    parts = found.parts if isinstance(found, SumOfLayers) else [found]
    stored = [_stored(adata, part.name, path.name) for part in parts]
    return AnnData(X=reduce(add, stored), obs=adata.obs, var=found.var)


def _stored(adata: AnnData, name: str, file: str) -> Any:
    """A matrix on disk as an array of dask; one that is stored by columns is read into memory."""
    layer = name.removeprefix("layers/")
    matrix = adata.X if name == "X" else adata.raw.X if name == "raw" else adata.layers[layer]
    if getattr(matrix, "format", None) == "csc":  # dask would read all of it for every block of cells
        from dask.array import from_array  # of the extra `stream`

        held = matrix.to_memory().tocsr()
        logger.warning(
            "%s is stored by columns (CSC): its %s values are read into memory. Written by rows, it stays on disk: "
            "adata.X = adata.X.tocsr(); adata.write_h5ad(...).",
            file,
            f"{held.nnz:,}",
        )
        return from_array(held, (_CELLS, held.shape[1]), asarray=False)
    return read_elem_lazy(getattr(matrix, "group", matrix))  # of a sparse matrix, the group that holds its parts


def _check_genes(parts: dict[str, AnnData]) -> None:
    """Refuse names that occur twice in a file, and files that name genes differently."""
    first, genes = next((name, part.var_names) for name, part in parts.items())
    for name, part in parts.items():
        if not part.var_names.is_unique:
            twice = part.var_names[part.var_names.duplicated()][:3].tolist()
            msg = (
                f"{name!r} names genes twice, such as {twice}. Make them unique (var_names_make_unique), or "
                "use scellm.data.build_corpus, which adds the counts of columns of one gene."
            )
            raise ValueError(msg)
        shared = len(genes.intersection(part.var_names)) / max(min(len(genes), part.n_vars), 1)
        if shared < _SHARED:
            msg = (
                f"{first!r} and {name!r} share {shared:.0%} of their genes: one names them {genes[:3].tolist()}, the "
                f"other {part.var_names[:3].tolist()}. Name genes alike in var_names, or use scellm.data.build_corpus, "
                "which matches the genes of each file by itself."
            )
            raise ValueError(msg)


def _var(parts: dict[str, AnnData], genes: pd.Index) -> pd.DataFrame:
    """The columns of `var` whose values agree wherever they are known; for each gene, the first that is known.

    Raises ValueError if one file calls a column a gene and another does not.
    """
    is_gene = pd.concat([pd.Series(Features.of(p.var).is_gene, p.var_names) for p in parts.values()])
    both = is_gene.groupby(level=0).nunique()
    if (both > 1).any():
        msg = f"Files disagree whether these columns are genes: {both.index[both > 1][:4].tolist()}. Rename them."
        raise ValueError(msg)
    known = pd.concat([p.var.astype(object) for p in parts.values()])
    by_gene = known.groupby(level=0)
    agree = [c for c in known.columns if (by_gene[c].nunique() <= 1).all()]
    return by_gene[agree].first().reindex(genes)
