"""A network of genes, from a table, a file or a graph object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from scellm._logging import logger
from scellm.genes import load_vocabulary, match_names
from scellm.genes._match import refuse_other_species
from scellm.train.graphmae._edges import Edges, edges_of

_SMALLEST = 10  # genes; fewer cannot be masked and held out
_LEAST_KNOWN = 0.5  # share of the names


@dataclass(frozen=True)
class Network:
    """Genes and the pairs among them, without direction.

    Parameters
    ----------
    genes
        Position of each gene in the vocabulary, ascending, int64, (n,). Every one has at least one pair.
    pairs
        Positions in `genes`, the smaller first, each pair once, no gene with itself, int64, (2, pairs).
    report
        Numbers of edges and genes that were found and left out.
    """

    genes: np.ndarray
    pairs: np.ndarray
    report: dict[str, int] = field(default_factory=dict)

    @property
    def symbols(self) -> pd.Index:
        """Approved symbols, in the order of `genes`."""
        return load_vocabulary().symbols[self.genes]

    def __repr__(self) -> str:
        return f"Network({len(self.genes):,} genes, {self.pairs.shape[1]:,} pairs)"

    def edges(self, kept: np.ndarray | None = None) -> np.ndarray:
        """Both directions of every pair (or of the `kept` ones), and a loop per gene; int64, (2, 2 * pairs + n)."""
        pairs = self.pairs if kept is None else self.pairs[:, kept]
        loops = np.arange(len(self.genes))
        return np.concatenate([pairs, pairs[::-1], np.stack([loops, loops])], axis=1)

    def adjacency(self) -> sp.csr_matrix:
        """Symmetric, 1 if two genes are a pair, float64, (n, n)."""
        n, m = len(self.genes), self.pairs.shape[1]
        half = sp.csr_matrix((np.ones(m), (self.pairs[0], self.pairs[1])), shape=(n, n))
        return half + half.T


def read_network(
    network: Network | pd.DataFrame | str | PathLike | Any,
    *,
    columns: tuple[str, str] | None = None,
    score: str | None = None,
    min_score: float | None = None,
    names: Sequence[str] | None = None,
) -> Network:
    """Read a network and match its genes to the vocabulary.

    Pairs of a gene with itself are left out. A pair that is given twice or in both directions counts once. Genes that
    are not in the vocabulary or have no pair are dropped. All of this is counted in the report and logged.

    Parameters
    ----------
    network
        A table of edges; a path to one (`.csv`, `.tsv` or `.txt`, also compressed); a `dgl.DGLGraph`; or a PyG `Data`.
    columns
        The two columns with genes, in any identifiers that :func:`scellm.pp.prepare` knows; by default the two text
        columns.
    score
        The column with a confidence; by default the one named "score" or "combined_score".
    min_score
        Leave out edges below it, and those with no score.
    names
        Names of the nodes of a graph; by default its own `names`, if it has them.

    Returns
    -------
    Network
        Genes of the vocabulary, and their pairs.

    Raises
    ------
    KeyError
        If a column does not exist.
    TypeError
        If the object holds no network.
    ValueError
        If the columns with genes are unclear, a score is negative, the genes are of another species or mostly unknown,
        or fewer than ten are left.
    """
    if isinstance(network, Network):
        return network
    edges = edges_of(network, columns, score, min_score, names)
    match = match_names(edges.names, load_vocabulary(), "the network's genes")
    refuse_other_species(match)
    _check_known(match.known, edges)
    ids = match.ids[edges.ends]  # (2, edges), -1 where unknown
    kept = (ids >= 0).all(0)
    loops = kept & (ids[0] == ids[1])
    pairs = np.unique(np.sort(ids[:, kept & ~loops], axis=0), axis=1).astype(np.int64)
    genes, at = np.unique(pairs, return_inverse=True)
    named = np.unique(match.ids[match.known])
    report = {
        "edges": edges.ends.shape[1],
        "edges_below_min_score": edges.n_below,
        "edges_without_score": edges.n_unscored,
        "edges_of_unknown_genes": int((~kept).sum()),
        "self_loops": int(loops.sum()),
        "repeated_or_reversed": int(kept.sum() - loops.sum()) - pairs.shape[1],
        "unknown_genes": int((~match.known).sum()),
        "isolated_genes": len(named) - len(genes),
        "genes": len(genes),
        "pairs": pairs.shape[1],
    }
    if len(genes) < _SMALLEST:
        msg = (
            f"The network has {len(genes)} genes with a pair; expected at least {_SMALLEST}, better thousands. Found "
            f"{report}."
        )
        raise ValueError(msg)
    dropped = ", ".join(f"{n:,} {what.replace('_', ' ')}" for what, n in report.items() if n and what in _DROPPED)
    logger.info(f"Network: {len(genes):,} genes, {pairs.shape[1]:,} pairs. Left out: {dropped or 'nothing'}.")
    return Network(genes, at.reshape(pairs.shape).astype(np.int64), report)


_DROPPED = (
    "edges_below_min_score",
    "edges_without_score",
    "edges_of_unknown_genes",
    "self_loops",
    "repeated_or_reversed",
    "unknown_genes",
    "isolated_genes",
)


def _check_known(known: np.ndarray, edges: Edges) -> None:
    """Raise ValueError if few names are known: they are probably other identifiers, such as STRING's own."""
    if len(known) and known.mean() >= _LEAST_KNOWN:
        return
    examples = list(edges.names[~known][:3])
    msg = (
        f"{known.sum():,} of the network's {len(known):,} genes are known; expected at least {_LEAST_KNOWN:.0%}. "
        f"Unknown are {examples}. Give symbols, Ensembl gene ids or HGNC ids; for STRING's protein ids (9606.ENSP...), "
        "map them by "
        "the column preferred_name of its protein.info file, or pass columns=."
    )
    raise ValueError(msg)
