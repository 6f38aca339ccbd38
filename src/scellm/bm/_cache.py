"""Predictions that were computed before, in a folder, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from scellm.bm._describe import describe

_PACKAGES = ("scellm", "numpy", "scikit-learn", "scanpy", "scvi-tools", "torch")


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
            with (self.folder / f"{key}.npz").open("rb") as opened, np.load(opened) as file:
                table = None
                if "table" in file:
                    table = pd.DataFrame(file["table"], index=file["cells"], columns=file["types"])
                return Kept(file["y_pred"], table, float(file["seconds"]))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
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
    """Name of a file: a hash of the data, the split, versions, the method's name, and of how it is made."""
    described = {**parts, "method": method, "make": describe(make), "versions": _versions()}
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:32]


def _versions() -> list[str]:
    return [f"{name} {version(name)}" for name in _PACKAGES]


def fingerprint(adata: AnnData) -> str:
    """A hash of all that a method may read of the cells."""
    held: dict[str, Any] = {"X": _plain(adata.X), "obs": adata.obs, "var": adata.var}
    for slot in ("layers", "obsm", "varm", "obsp", "varp"):
        held |= {f"{slot}/{k}": _plain(v) for k, v in getattr(adata, slot).items() if k is not None}
    if adata.raw is not None:
        held |= {"raw": _plain(adata.raw.X), "raw/var": adata.raw.var}
    ours = adata.uns.get("celllm", {})
    held["uns"] = {k: v for k, v in ours.items() if k != "slots"}  # slots hold dates
    return str(joblib.hash(held))


def _plain(matrix: Any) -> Any:
    """Arrays that hash alike whenever the values are alike."""
    if sp.issparse(matrix):
        csr = matrix.tocsr()
        return [csr.shape, csr.data, csr.indices, csr.indptr]
    return matrix
