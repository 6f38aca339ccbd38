"""Predictions that were computed before, in a folder, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import CodeType
from typing import Any

import joblib
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData


@dataclass(frozen=True)
class Kept:
    """What one method answered for one task and seed.

    Parameters
    ----------
    y_pred
        Types or numbers, (cells,).
    table
        Probabilities, cells by types; `None` if no metric needs them.
    seconds
        For fitting and predicting.
    """

    y_pred: np.ndarray
    table: pd.DataFrame | None
    seconds: float


class Cache:
    """A folder of predictions, one file for each task, seed and method.

    Parameters
    ----------
    folder
        The folder; made if it is not there. `None` keeps nothing.
    """

    def __init__(self, folder: str | os.PathLike | None) -> None:
        self.folder = None if folder is None else Path(folder)
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> Kept | None:
        """What was kept under a key; `None` if there is nothing, or the file cannot be read."""
        if self.folder is None or not (self.folder / f"{key}.npz").exists():
            return None
        try:
            with np.load(self.folder / f"{key}.npz") as file:
                table = None
                if "table" in file:
                    table = pd.DataFrame(file["table"], index=file["cells"], columns=file["types"])
                return Kept(file["y_pred"], table, float(file["seconds"]))
        except (OSError, ValueError, KeyError, EOFError):
            return None

    def put(self, key: str, kept: Kept) -> None:
        """Keep an answer; a run that is killed here leaves no broken file."""
        if self.folder is None:
            return
        arrays: dict[str, Any] = {"y_pred": kept.y_pred, "seconds": kept.seconds}
        if kept.table is not None:
            cells, types = kept.table.index.astype(str), kept.table.columns.astype(str)
            arrays |= {"table": kept.table.to_numpy(), "cells": cells.to_numpy(str), "types": types.to_numpy(str)}
        part = self.folder / f"{key}.{os.getpid()}.part"
        with part.open("wb") as file:
            np.savez_compressed(file, **arrays)
        part.replace(self.folder / f"{key}.npz")


def key_of(parts: dict[str, Any], method: str, make: Callable) -> str:
    """Name of a file: a hash of the data and the split, of the method's name, and of how it is made."""
    described = {**parts, "method": method, "make": describe(make), "scellm": version("scellm")}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]


def fingerprint(adata: AnnData) -> str:
    """A hash of all that a method may read of the cells: matrices, names, and slots of cells by dimensions."""
    matrices = [adata.X, *(v for k, v in adata.layers.items() if k is not None), *adata.obsm.values()]
    matrices += [] if adata.raw is None else [adata.raw.X]
    names = [adata.obs_names.to_numpy(str), adata.var_names.to_numpy(str)]
    return str(joblib.hash([_plain(m) for m in matrices] + names))


def _plain(matrix: Any) -> Any:
    """Arrays that hash alike whenever the values are alike."""
    if sp.issparse(matrix):
        csr = matrix.tocsr()
        return [csr.data, csr.indices, csr.indptr]
    return matrix if isinstance(matrix, np.ndarray) or matrix is None else np.asarray(matrix)


def describe(make: Any) -> str:
    """How a method is made: the code of a function and the values that it has taken in, or the name of a class."""
    if isinstance(make, functools.partial):
        return f"partial({describe(make.func)}, {make.args!r}, {sorted(make.keywords.items())!r})"
    code = getattr(make, "__code__", None)
    if code is None:
        return f"{getattr(make, '__module__', '')}.{getattr(make, '__qualname__', repr(make))}"
    held = [repr(cell.cell_contents) for cell in make.__closure__ or ()]
    return repr((_code(code), held, make.__defaults__, make.__kwdefaults__))


def _code(code: CodeType) -> tuple:
    """A function's instructions without its place in a file, which changes with every cell of a notebook."""
    constants = tuple(_code(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts)
    return code.co_code.hex(), constants, code.co_names
