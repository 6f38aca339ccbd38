"""From files of cells to a corpus."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import anndata as ad
import numpy as np
from anndata import AnnData
from scvi.utils import track

from scellm._logging import logger, quiet
from scellm.data._corpus import ARRAYS, FORMAT, Corpus
from scellm.data._fields import ORIGIN_WORDS
from scellm.pp import load_vocabulary
from scellm.pp._expression import find_expression
from scellm.pp._genes import match_genes
from scellm.pp._tokenize import Columns, select

_ROWS = 4096  # cells read at once


def build_corpus(
    paths: str | PathLike | Sequence[str | PathLike],
    folder: str | PathLike,
    *,
    origin_key: str | None = "origin",
    min_genes: int = 200,
    overwrite: bool = False,
) -> Corpus:
    """Read many `.h5ad` files into one corpus on the genes of the vocabulary.

    The files may have different genes, in any identifiers that :func:`scellm.pp.prepare` knows, and hold their counts anywhere that it
    looks. One file is in memory at a time. The corpus is about six bytes an expressed gene on disk.

    Parameters
    ----------
    paths
        Files, or a folder with some. The order of names is the order of the corpus.
    folder
        Where to write; made if it is not there.
    origin_key
        Column of `obs` that says tumour or normal; a file may lack it.
    min_genes
        Cells with fewer expressed genes of the vocabulary are left out.
    overwrite
        Replace a corpus that is there; nothing else is ever removed.

    Returns
    -------
    Corpus
        What was written.

    Raises
    ------
    FileExistsError
        If there is a corpus and `overwrite` is false, or the folder holds other things.
    ValueError
        If there is no file, two have one name, one cannot be read or holds no whole counts of human genes, or no cell has `min_genes`;
        nothing is then left behind.
    """
    files = _files(paths)
    folder = Path(folder)
    _check_folder(folder, overwrite=overwrite)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _write(files, part, origin_key, min_genes)
        if overwrite:
            shutil.rmtree(folder, ignore_errors=True)
        part.replace(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    corpus = Corpus(folder)
    logger.info("%s", corpus)
    return corpus


def _check_folder(folder: Path, *, overwrite: bool) -> None:
    there = {p.name for p in folder.iterdir()} if folder.is_dir() else {folder.name} if folder.exists() else set()
    others = sorted(there - {"corpus.json"} - {f"{k}.bin" for k in ARRAYS})
    if others:
        msg = f"{folder} is to hold a corpus and nothing else; found {others[:4]}. Name a folder that is new or empty."
        raise FileExistsError(msg)
    if there and not overwrite:
        msg = f"{folder} holds a corpus. Read it with scellm.data.Corpus({str(folder)!r}), or pass overwrite=True."
        raise FileExistsError(msg)


def _files(paths: str | PathLike | Sequence[str | PathLike]) -> list[Path]:
    given = [Path(paths)] if isinstance(paths, str | PathLike) else [Path(p) for p in paths]
    files = sorted((f for p in given for f in (p.glob("*.h5ad") if p.is_dir() else [p])), key=lambda f: f.name)
    names = [f.stem for f in files]
    if not files or len(set(names)) < len(names):
        msg = f"A corpus needs .h5ad files with names of their own; found {names or f'none in {[str(g) for g in given]}'}."
        raise ValueError(msg)
    return files


def _write(files: list[Path], part: Path, origin_key: str | None, min_genes: int) -> None:
    sources: list[dict[str, Any]] = []
    out = {k: (part / f"{k}.bin").open("wb") for k in ARRAYS}
    tokens = 0
    try:
        _put(out["offsets"], "offsets", np.zeros(1))
        for number, path in enumerate(track(files, description="corpus")):
            try:
                tokens = _add(_read(path), path, number, out, tokens, sources, origin_key, min_genes)
            except ValueError as error:
                msg = f"{path.name}: {error}"
                raise ValueError(msg) from error
    finally:
        for file in out.values():
            file.close()
    if not sum(s["cells"] for s in sources):
        msg = f"No cell has min_genes={min_genes} expressed genes of the vocabulary. Pass a smaller min_genes."
        raise ValueError(msg)
    vocabulary = load_vocabulary()
    card = {
        "format": FORMAT, "vocabulary": vocabulary.version, "vocabulary_sha256": vocabulary.sha256, "min_genes": min_genes,
        "cells": sum(s["cells"] for s in sources), "tokens": tokens, "sources": sources,
    }  # fmt: skip
    (part / "corpus.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def _read(path: Path) -> AnnData:
    try:
        return ad.read_h5ad(path)
    except (OSError, KeyError) as error:  # no file, or not one of AnnData
        msg = f"cannot be read: {error}"
        raise ValueError(msg) from error


def _add(
    adata: AnnData, path: Path, number: int, out: Mapping[str, BinaryIO], tokens: int, sources: list[dict[str, Any]], origin_key: str | None, min_genes: int
) -> int:  # fmt: skip
    """Append the cells of one file; gives the tokens written so far."""
    with quiet():
        expression = find_expression(adata)
    if not expression.finding.exact:
        msg = f"adata.{expression.matrix.name} holds {expression.finding.kind}, and a corpus needs whole counts, or a log1p of them."
        raise ValueError(msg)
    match = match_genes(expression.matrix.var, load_vocabulary())
    if not match.n_matched:
        msg = f"none of its {len(match.ids):,} genes is known, such as {list(match.names[:3])}."
        raise ValueError(msg)
    columns = Columns.of(match.ids, match.ids >= 0)
    origin = _origin(adata, origin_key)
    kept_origin = [np.zeros(0, int)]
    for rows in _blocks(adata.n_obs):
        counts, totals = expression.linear(expression.matrix.rows(rows))
        column, value, offsets = select(counts, columns)
        n = np.diff(offsets)
        kept = n >= min_genes
        token_kept = np.repeat(kept, n)
        _put(out["gene"], "gene", match.ids[column[token_kept]])
        _put(out["count"], "count", value[token_kept])
        _put(out["offsets"], "offsets", tokens + np.cumsum(n[kept]))
        _put(out["total"], "total", totals[kept])
        _put(out["source"], "source", np.full(kept.sum(), number))
        kept_origin.append(origin[rows][kept])
        _put(out["origin"], "origin", kept_origin[-1])
        tokens += int(n[kept].sum())
    of_kept = np.concatenate(kept_origin)
    uns = {k: str(adata.uns[k]) for k in ("source", "licence") if k in adata.uns}
    sources.append({
        "name": path.stem, "file": path.name, "cells": len(of_kept), "cells_left_out": adata.n_obs - len(of_kept),
        "genes_matched": match.n_matched, "tumor": int((of_kept == 1).sum()), "normal": int((of_kept == 0).sum()), **uns,
    })  # fmt: skip
    return tokens


def _origin(adata: AnnData, key: str | None) -> np.ndarray:
    """1 tumour, 0 normal, -1 unknown, (n_obs,)."""
    if key is None or key not in adata.obs:
        return np.full(adata.n_obs, -1)
    return adata.obs[key].astype(str).str.strip().str.lower().map(ORIGIN_WORDS).fillna(-1).to_numpy(int)


def _blocks(n: int) -> Iterable[np.ndarray]:
    return (np.arange(i, min(i + _ROWS, n)) for i in range(0, n, _ROWS))


def _put(file: BinaryIO, name: str, values: np.ndarray) -> None:
    file.write(np.ascontiguousarray(values, dtype=ARRAYS[name]).tobytes())
