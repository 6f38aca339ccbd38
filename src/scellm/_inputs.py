"""Checks of what users pass: an AnnData, and cells of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData


def require_anndata(adata: Any, call: str, name: str = "adata") -> AnnData:
    """Return `adata` if it is an AnnData.

    Parameters
    ----------
    adata
        What the user passed.
    call
        The call it was passed to, for the message.
    name
        The argument, for the message.

    Returns
    -------
    anndata.AnnData
        The same object.

    Raises
    ------
    TypeError
        If it is anything else; the message says what to pass.
    """
    if isinstance(adata, AnnData):
        return adata
    kind = type(adata).__name__
    if hasattr(adata, "mod") and isinstance(adata.mod, Mapping):
        names = list(adata.mod)
        rna = next((n for n in names if str(n).lower() in {"rna", "gex", "gene expression"}), names[0] if names else "")
        hint = f"Of its modalities {names}, pass the one with gene expression: {name}={name}[{rna!r}]."
    elif isinstance(adata, str | os.PathLike):
        hint = f"Read the file first: anndata.read_h5ad({str(adata)!r})."
    elif isinstance(adata, pd.DataFrame | np.ndarray) or hasattr(adata, "tocsr"):
        hint = "Make one, with cells in rows: anndata.AnnData(counts)."
    elif hasattr(adata, "get_latent_representation") or hasattr(adata, "predict"):
        hint = "The data come first, then the model: the two seem to be swapped."
    else:
        hint = "Pass an AnnData with cells in rows."
    msg = f"{call} takes an AnnData as {name}; found {kind}. {hint}"
    raise TypeError(msg)


def cell_positions(indices: Any, names: pd.Index) -> np.ndarray:
    """Positions of cells, from positions, a mask, or names.

    Parameters
    ----------
    indices
        `None` for all; whole numbers (negative ones count from the end), a mask of booleans, one for each cell, or
        names of cells.
    names
        Names of all cells.

    Returns
    -------
    numpy.ndarray
        int64, (cells,), in the given order.

    Raises
    ------
    ValueError
        If they are none of these, or a mask has another length.
    IndexError
        If a position is out of range.
    KeyError
        If a name is not there, or belongs to several cells.
    """
    n = len(names)
    if indices is None:
        return np.arange(n)
    if isinstance(indices, slice):
        return np.arange(n)[indices]
    given = pd.Series(list(np.atleast_1d(indices)) if not isinstance(indices, pd.Series) else indices.array)
    if not len(given):
        return np.zeros(0, np.int64)
    if given.isna().any():
        msg = "indices hold missing values. Pass whole numbers, a mask of booleans, or names of cells."
        raise ValueError(msg)
    values = given.to_numpy()
    if pd.api.types.is_bool_dtype(given.dtype) or all(isinstance(v, bool | np.bool_) for v in values):
        return _from_mask(values.astype(bool), n)
    if all(isinstance(v, str) for v in values):
        return _from_names(values, names)
    return _from_numbers(values, n)


def _from_mask(mask: np.ndarray, n: int) -> np.ndarray:
    if len(mask) != n:
        msg = f"indices are a mask of {len(mask):,} values; there are {n:,} cells. Pass one value for each."
        raise ValueError(msg)
    return np.flatnonzero(mask)


def _from_names(values: np.ndarray, names: pd.Index) -> np.ndarray:
    wanted = pd.Index(values)
    missing = wanted[~wanted.isin(names)]
    if len(missing):
        msg = f"indices name cells that are not in adata.obs_names, such as {[str(n) for n in missing[:3]]}."
        raise KeyError(msg)
    twice = names[names.duplicated(keep=False)].intersection(wanted)
    if len(twice):
        several = [str(n) for n in twice[:3]]
        msg = f"indices name cells that are there several times, such as {several}. Pass their positions."
        raise KeyError(msg)
    unique = names[~names.duplicated()]
    at = np.flatnonzero(~names.duplicated())
    return at[unique.get_indexer(wanted)].astype(np.int64)


def _from_numbers(values: np.ndarray, n: int) -> np.ndarray:
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        msg = f"indices hold {values[:3].tolist()}; expected whole numbers, a mask of booleans, or names of cells."
        raise ValueError(msg) from error
    whole = numbers.astype(np.int64)
    if (whole != numbers).any():
        first = numbers[whole != numbers][0]
        msg = f"indices hold {first}, which is no whole number. Pass positions, a mask of booleans, or names of cells."
        raise ValueError(msg)
    out = whole[(whole < -n) | (whole >= n)]
    if len(out):
        msg = f"indices hold {out[0]}; there are {n:,} cells."
        raise IndexError(msg)
    return np.where(whole < 0, whole + n, whole)


def own_entries(adata: AnnData, key: str) -> dict[str, Any]:
    """Entries of `adata.uns[key]`; raises ValueError if something else stands there."""
    found = adata.uns.get(key, {})
    if not isinstance(found, Mapping):
        msg = f"adata.uns[{key!r}] holds a {type(found).__name__} that is not scellm's. Rename it: it would be lost."
        raise ValueError(msg)
    return dict(found)
