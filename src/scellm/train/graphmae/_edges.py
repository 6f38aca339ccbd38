"""Edges by name, from a table, a file or a graph object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_SCORES = ("score", "combined_score")
_TAXON = r"^\d+\."  # STRING's prefix: 9606.


@dataclass(frozen=True)
class Edges:
    """Edges whose ends are names.

    Parameters
    ----------
    names
        Each name once, (names,).
    ends
        Positions in `names`, int64, (2, edges).
    n_below, n_unscored
        Edges that were left out for a low score, and for a missing one.
    """

    names: pd.Index
    ends: np.ndarray
    n_below: int = 0
    n_unscored: int = 0


def edges_of(
    network: Any,
    columns: tuple[str, str] | None,
    score: str | None,
    min_score: float | None,
    names: Sequence[str] | None,
) -> Edges:
    """Edges of anything that :func:`read_network` takes."""
    if isinstance(network, str | PathLike):
        network = _read_table(Path(network))
    if isinstance(network, pd.DataFrame):
        return _of_table(network, columns, score, min_score)
    if hasattr(network, "edge_index"):  # PyG's Data
        ends, n = network.edge_index, network.num_nodes
    elif hasattr(network, "edges") and hasattr(network, "num_nodes"):  # DGL's DGLGraph
        ends, n = np.stack([np.asarray(e) for e in network.edges()]), network.num_nodes()
    else:
        msg = (
            "network must be a DataFrame of edges, a path to one, a dgl.DGLGraph or a PyG Data; found "
            f"{type(network).__name__}."
        )
        raise TypeError(msg)
    if min_score is not None:
        msg = "min_score works on a table; drop the edges of a graph before passing it."
        raise ValueError(msg)
    return _of_graph(np.asarray(ends), n, getattr(network, "names", None) if names is None else names)


def _read_table(path: Path) -> pd.DataFrame:
    """Comma for .csv, tab for .tsv, spaces otherwise (STRING's own .txt)."""
    kinds = {".csv": ",", ".tsv": "\t"}
    separator = next((kinds[s] for s in path.suffixes if s in kinds), r"\s+")
    return pd.read_csv(path, sep=separator)


def _of_graph(ends: np.ndarray, n: int, names: Sequence[str] | None) -> Edges:
    if names is None or len(names) != n:
        found = "none" if names is None else f"{len(names):,}"
        msg = f"A graph needs a name for each of its {n:,} nodes; found {found}. Pass names=[...], or set graph.names."
        raise ValueError(msg)
    unique, at = np.unique(np.asarray(names).astype(str), return_inverse=True)
    return Edges(pd.Index(unique), at[ends.astype(np.int64)])


def _of_table(
    table: pd.DataFrame, columns: tuple[str, str] | None, score: str | None, min_score: float | None
) -> Edges:
    a, b = _gene_columns(table, columns)
    table, below, unscored = _by_score(table, score, min_score)
    table = table.dropna(subset=[a, b])
    both = pd.concat([table[a], table[b]]).astype(str).str.replace(_TAXON, "", regex=True)
    codes, names = pd.factorize(both, sort=True)
    return Edges(pd.Index(names), codes.reshape(2, -1).astype(np.int64), below, unscored)


def _gene_columns(table: pd.DataFrame, columns: tuple[str, str] | None) -> tuple[str, str]:
    """The named columns, or the only two that hold text."""
    text = [c for c in table.columns if not pd.api.types.is_numeric_dtype(table[c])]
    chosen = text if columns is None else list(columns)
    lacking = [c for c in chosen if c not in table.columns]
    if lacking:
        msg = f"columns={columns!r}: {lacking[0]!r} is not in the table, which holds {list(table.columns)}."
        raise KeyError(msg)
    if len(chosen) != 2:
        found = chosen or "no column of text"
        msg = f"An edge joins two genes, so two columns must hold them; found {found}. Pass columns=('a', 'b')."
        raise ValueError(msg)
    return chosen[0], chosen[1]


def _by_score(table: pd.DataFrame, score: str | None, min_score: float | None) -> tuple[pd.DataFrame, int, int]:
    """The rows at or above `min_score`, and how many were below or had none."""
    score = next((c for c in _SCORES if c in table.columns), None) if score is None else score
    if score is not None and score not in table.columns:
        msg = f"score={score!r} is not in the table, which holds {list(table.columns)}."
        raise KeyError(msg)
    if score is None and min_score is not None:
        msg = (
            f"min_score={min_score:g} needs a column of scores; the table holds {list(table.columns)}. Name it with "
            "score=."
        )
        raise KeyError(msg)
    if score is None:
        return table, 0, 0
    values = pd.to_numeric(table[score], errors="coerce")
    if (values < 0).any():
        found = values[values < 0].head(3).tolist()
        msg = (
            f"Scores must not be negative; found {found} in {score!r}. A correlation is not a confidence: pass its "
            "absolute value."
        )
        raise ValueError(msg)
    if min_score is None:
        return table, 0, 0
    kept = values >= min_score
    return table[kept], int((values < min_score).sum()), int(values.isna().sum())
