"""Build a corpus from files of cells."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import anndata as ad
import numpy as np
from anndata import AnnData
from scvi.utils import track

from scellm._logging import logger, quiet
from scellm.data._corpus import ARRAYS, FORMAT, Corpus
from scellm.data._counts import Counts
from scellm.data._malignancy import malignancy_codes
from scellm.data._pseudo_clusters import pseudo_clusters
from scellm.genes import GeneMatch, load_vocabulary, match_genes
from scellm.pp._binning import Columns, select
from scellm.pp._expression import Expression, find_expression
from scellm.pp._place import of_genes_only

_ROWS = 4096  # cells read at once


def build_corpus(
    paths: str | PathLike | Sequence[str | PathLike],
    folder: str | PathLike,
    *,
    malignancy_key: str | None = None,
    min_genes: int = 200,
    overwrite: bool = False,
) -> Corpus:
    """Read many `.h5ad` files into one corpus on the genes of the vocabulary.

    The files may have different genes, with any identifiers that :func:`scellm.pp.prepare` knows, and counts in any
    matrix that it reads. One file is in memory at a time. The corpus takes about six bytes per expressed gene on disk.
    Cells of each file are clustered once, for `pretrain(positives="clusters")`.

    Parameters
    ----------
    paths
        `.h5ad` files, or a folder that contains them. The corpus is in the order of file names.
    folder
        Folder to write to; created if needed.
    malignancy_key
        Column of `obs` with tumour or normal; files may lack it.
    min_genes
        Cells with fewer expressed genes of the vocabulary are left out.
    overwrite
        Replace an existing corpus; no other file is ever removed.

    Returns
    -------
    Corpus
        The corpus that was written.

    Raises
    ------
    FileExistsError
        If the folder holds a corpus and `overwrite` is false, or holds other files.
    ValueError
        If there is no file, two files have the same name, a file cannot be read or holds no whole counts of human
        genes, or no cell has `min_genes`. Nothing is left behind in this case.
    """
    files = _files(paths)
    folder = Path(folder)
    _check_folder(folder, overwrite=overwrite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
        try:
            _write(files, part, malignancy_key, min_genes)
            part.chmod(0o755)  # as an ordinary folder; mkdtemp gives 0700
            _move_in(part, folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    corpus = Corpus(folder)
    logger.info("%s", corpus)
    return corpus


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Refuse a second build into the same folder, by a file that only one process can create."""
    lock = folder.with_name(f".{folder.name}.lock")
    try:
        lock.open("x").close()
    except FileExistsError as error:
        msg = (
            f"Another build into {folder} is running, or was killed. If none is running, remove {lock} and build again."
        )
        raise FileExistsError(msg) from error
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _move_in(part: Path, folder: Path) -> None:
    """Replace a folder by another: the old one is moved away first, and removed last."""
    old = None
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".old", dir=folder.parent))
        folder.replace(old / folder.name)
    try:
        part.replace(folder)
    except BaseException:
        if old is not None:
            (old / folder.name).replace(folder)
        raise
    finally:
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)


def _check_folder(folder: Path, *, overwrite: bool) -> None:
    if folder.is_symlink() or folder.name in {"", ".."}:
        msg = f"A corpus needs a folder of its own; {str(folder)!r} is a link or has no name. Pass the folder itself."
        raise FileExistsError(msg)
    there = {p.name for p in folder.iterdir()} if folder.is_dir() else {folder.name} if folder.exists() else set()
    others = sorted(there - {"corpus.json", "origin.bin"} - {f"{k}.bin" for k in ARRAYS})  # origin.bin: of format 1
    if others:
        msg = f"A corpus needs a folder of its own; {folder} holds {others[:4]}. Pass a new or empty folder."
        raise FileExistsError(msg)
    if there and not overwrite:
        msg = f"{folder} holds a corpus. Read it with scellm.data.Corpus({str(folder)!r}), or pass overwrite=True."
        raise FileExistsError(msg)


def _files(paths: str | PathLike | Sequence[str | PathLike]) -> list[Path]:
    given = [Path(paths)] if isinstance(paths, str | PathLike) else [Path(p) for p in paths]
    files = sorted((f for p in given for f in (p.glob("*.h5ad") if p.is_dir() else [p])), key=lambda f: f.name)
    names = [f.stem for f in files]
    if not files or len(set(names)) < len(names):
        found = names or f"none in {[str(g) for g in given]}"
        msg = f"A corpus needs .h5ad files with unique names; found {found}."
        raise ValueError(msg)
    return files


class _Writer:
    """The arrays of a corpus, appended to file by file."""

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, BinaryIO] = {k: (folder / f"{k}.bin").open("wb") for k in ARRAYS}
        self.tokens = 0
        self.hashes = {k: sha256() for k in ARRAYS}
        self.append("offsets", np.zeros(1))

    def append(self, name: str, values: np.ndarray) -> None:
        """Append values to one array."""
        written = np.ascontiguousarray(values, dtype=ARRAYS[name]).tobytes()
        self.hashes[name].update(written)
        self.files[name].write(written)

    def close(self) -> None:
        """Close all files."""
        for file in self.files.values():
            file.close()


def _write(files: list[Path], part: Path, malignancy_key: str | None, min_genes: int) -> None:
    sources: list[dict[str, Any]] = []
    out = _Writer(part)
    try:
        for path in track(files, description="corpus"):
            try:
                sources.append(_add(_read(path), path, len(sources), out, malignancy_key, min_genes))
            except ValueError as error:
                msg = f"{path.name}: {error}"
                raise ValueError(msg) from error
    finally:
        out.close()
    if not sum(s["cells"] for s in sources):
        msg = f"No cell has min_genes={min_genes} expressed genes of the vocabulary. Pass a smaller min_genes."
        raise ValueError(msg)
    vocabulary = load_vocabulary()
    card = {
        "format": FORMAT,
        "vocabulary": vocabulary.version,
        "vocabulary_sha256": vocabulary.sha256,
        "min_genes": min_genes,
        "cells": sum(s["cells"] for s in sources),
        "tokens": out.tokens,
        "sources": sources,
        "sha256": {name: found.hexdigest() for name, found in out.hashes.items()},
    }
    (part / "corpus.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _read(path: Path) -> AnnData:
    try:
        return ad.read_h5ad(path)
    except (OSError, KeyError) as error:  # no such file, or no AnnData in it
        msg = f"cannot be read: {error}"
        raise ValueError(msg) from error


def _add(
    adata: AnnData, path: Path, number: int, out: _Writer, malignancy_key: str | None, min_genes: int
) -> dict[str, Any]:
    """Append the cells of one file; returns its entry in the card."""
    expression, match = _expression_and_genes(adata)
    counts = _kept(expression, match, adata.n_obs, min_genes)
    codes = _malignancy(adata, malignancy_key)[counts.cell]
    clusters = pseudo_clusters(counts, len(load_vocabulary()))
    out.append("gene", counts.gene)
    out.append("count", counts.count)
    out.append("offsets", out.tokens + counts.offsets[1:])
    out.append("total", counts.total)
    out.append("source", np.full(len(codes), number))
    out.append("cluster", clusters)
    out.append("malignancy", codes)
    out.tokens += len(counts.gene)
    return {
        "name": path.stem,
        "file": path.name,
        "cells": len(codes),
        "cells_left_out": adata.n_obs - len(codes),
        "genes_matched": match.n_matched,
        "tumor": int((codes == 1).sum()),
        "normal": int((codes == 0).sum()),
        "clusters": int(clusters.max(initial=-1)) + 1,
        **{k: str(adata.uns[k]) for k in ("source", "licence") if k in adata.uns},
    }


def _kept(expression: Expression, match: GeneMatch, n_obs: int, min_genes: int) -> Counts:
    """Counts of the cells with enough genes of the vocabulary; `cell` is their row in the file."""
    columns = Columns.of(match.ids, match.ids >= 0)
    genes, values, lengths, totals, cells = [], [], [], [], []
    for rows in _blocks(n_obs):
        counts, total = expression.linear(expression.matrix.rows(rows))
        column, value, offsets = select(counts, columns)
        n = np.diff(offsets)
        kept = n >= min_genes
        token_kept = np.repeat(kept, n)
        genes.append(match.ids[column[token_kept]])
        values.append(value[token_kept])
        lengths.append(n[kept])
        totals.append(total[kept])
        cells.append(rows[kept])
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate([np.zeros(0, np.int64), *lengths]))])
    none = np.zeros(0, np.int64)
    gene, count, total, cell = (np.concatenate([none, *parts]) for parts in (genes, values, totals, cells))
    return Counts(gene.astype(np.int32), count, offsets, total, cell.astype(np.int64))


def _expression_and_genes(adata: AnnData) -> tuple[Expression, GeneMatch]:
    """Whole counts and known genes; raises ValueError without them."""
    with quiet():
        expression = find_expression(adata)
    if not expression.detected.exact:
        msg = (
            f"adata.{expression.matrix.name} holds {expression.detected.kind}; a corpus needs whole counts, or a log1p "
            "of whole counts."
        )
        raise ValueError(msg)
    if expression.guess or expression.matrix.features.guess:
        msg = f"{expression.guess} {expression.matrix.features.guess}".strip()
        warnings.warn(msg, UserWarning, stacklevel=6)
    match = of_genes_only(match_genes(expression.matrix.var, load_vocabulary()), expression.matrix)
    if not match.n_matched:
        msg = f"none of its {len(match.ids):,} genes is known; found names such as {list(match.names[:3])}."
        raise ValueError(msg)
    return expression, match


def _malignancy(adata: AnnData, key: str | None) -> np.ndarray:
    """1 tumour, 0 normal, -1 unknown, (n_obs,)."""
    if key is None or key not in adata.obs:
        return np.full(adata.n_obs, -1)
    return malignancy_codes(adata.obs, key).to_numpy()


def _blocks(n: int) -> Iterator[np.ndarray]:
    return (np.arange(i, min(i + _ROWS, n)) for i in range(0, n, _ROWS))
