"""Build a corpus from files of cells."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from scvi.utils import track

from scellm._logging import logger
from scellm.data._corpus import ARRAYS, FORMAT, Corpus
from scellm.data._corpus_writer import CorpusWriter
from scellm.data._read_backed import FORMATS, opened
from scellm.genes import load_vocabulary


def build_corpus(
    paths: str | PathLike | Sequence[str | PathLike],
    folder: str | PathLike,
    *,
    malignancy_key: str | None = None,
    min_genes: int = 200,
    overwrite: bool = False,
) -> Corpus:
    """Read many `.h5ad` files and `.zarr` stores into one corpus on the genes of the vocabulary.

    The files may have different genes, with any identifiers that :func:`scellm.pp.prepare` knows, and counts in any
    matrix that it reads. Cells are read block by block, so that memory does not grow with a file. The corpus takes
    about six bytes per expressed gene on disk. Cells of each file are clustered once, for
    `pretrain(positives="clusters")`.

    Parameters
    ----------
    paths
        `.h5ad` files and `.zarr` stores, or a folder that contains them. The corpus is in the order of file names.
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
    files = sorted((f for p in given for f in _within(p)), key=lambda f: f.name)
    names = [f.stem for f in files]
    if not files or len(set(names)) < len(names):
        found = names or f"none in {[str(g) for g in given]}"
        msg = f"A corpus needs .h5ad files or .zarr stores with unique names; found {found}."
        raise ValueError(msg)
    return files


def _within(path: Path) -> list[Path]:
    """The files of a folder; a file, and a zarr store, which is a folder itself, are their own."""
    if not path.is_dir() or path.suffix in FORMATS:
        return [path]
    return [f for f in path.iterdir() if f.suffix in FORMATS and not f.name.startswith(".")]


def _write(files: list[Path], part: Path, malignancy_key: str | None, min_genes: int) -> None:
    sources: list[dict[str, Any]] = []
    out = CorpusWriter(part, malignancy_key, min_genes)
    try:
        for path in track(files, description="corpus"):
            try:
                with opened(path) as adata:
                    sources.append({"name": path.stem, "file": path.name, **out.add(adata, len(sources))})
            except (FileNotFoundError, ValueError) as error:
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
        "sha256": out.checksums,
    }
    (part / "corpus.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
