"""Write the cells of one file after the other into the arrays of a corpus."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from anndata import AnnData

from scellm._logging import quiet
from scellm.data._corpus import ARRAYS, mapped
from scellm.data._counts import Counts
from scellm.data._malignancy import malignancy_codes
from scellm.data._pseudo_clusters import pseudo_clusters
from scellm.genes import GeneMatch, load_vocabulary, match_genes
from scellm.pp._binning import Columns, select
from scellm.pp._expression import Expression, find_expression
from scellm.pp._place import of_genes_only

_ROWS = 4096  # cells read at once


class CorpusWriter:
    """The arrays of a corpus, to which sources are appended block by block.

    Parameters
    ----------
    folder
        Folder of the arrays.
    malignancy_key
        Column of `obs` with tumour or normal; sources may lack it.
    min_genes
        Cells with fewer expressed genes of the vocabulary are left out.
    """

    def __init__(self, folder: Path, malignancy_key: str | None, min_genes: int) -> None:
        self.folder, self.malignancy_key, self.min_genes = folder, malignancy_key, min_genes
        self.files: dict[str, BinaryIO] = {k: (folder / f"{k}.bin").open("wb") for k in ARRAYS}
        self.tokens = 0
        self._hashes = {k: sha256() for k in ARRAYS}
        self._append("offsets", np.zeros(1))

    @property
    def checksums(self) -> dict[str, str]:
        """SHA-256 of each array."""
        return {name: found.hexdigest() for name, found in self._hashes.items()}

    def close(self) -> None:
        """Close all files."""
        for file in self.files.values():
            file.close()

    def add(self, adata: AnnData, number: int) -> dict[str, Any]:
        """Append the cells of one source, and return its entry in the card.

        Parameters
        ----------
        adata
            Cells by genes, in memory or on disk.
        number
            Number of the source.

        Raises
        ------
        ValueError
            If it holds no whole counts of human genes.
        """
        expression, match = _expression_and_genes(adata)
        first = self.tokens
        none = np.zeros(0, np.int64)
        lengths, totals, cells = [none], [none.astype(np.float64)], [none]
        for counts in _kept(expression, match, adata.n_obs, self.min_genes):
            self._append("gene", counts.gene)
            self._append("count", counts.count)
            self._append("offsets", self.tokens + counts.offsets[1:])
            self._append("total", counts.total)
            self.tokens += len(counts.gene)
            lengths.append(np.diff(counts.offsets))
            totals.append(counts.total)
            cells.append(counts.cell)
        codes = _malignancy(adata, self.malignancy_key)[np.concatenate(cells)]
        clusters = self._clusters(first, np.concatenate(lengths), np.concatenate(totals))
        self._append("source", np.full(len(codes), number))
        self._append("cluster", clusters)
        self._append("malignancy", codes)
        return {
            "cells": len(codes),
            "cells_left_out": adata.n_obs - len(codes),
            "genes_matched": match.n_matched,
            "tumor": int((codes == 1).sum()),
            "normal": int((codes == 0).sum()),
            "clusters": int(clusters.max(initial=-1)) + 1,
            **{k: str(adata.uns[k]) for k in ("source", "licence") if k in adata.uns},
        }

    def _append(self, name: str, values: np.ndarray) -> None:
        written = np.ascontiguousarray(values, dtype=ARRAYS[name]).tobytes()
        self._hashes[name].update(written)
        self.files[name].write(written)

    def _clusters(self, first: int, lengths: np.ndarray, totals: np.ndarray) -> np.ndarray:
        """Clusters of the cells that were written from token `first` on, which are read back from the file."""
        for name in ("gene", "count"):
            self.files[name].flush()
        gene, count = (mapped(self.folder / f"{k}.bin", ARRAYS[k])[first:] for k in ("gene", "count"))
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        read = lambda rows: Counts.gather(gene, count, offsets, totals, rows)
        return pseudo_clusters(read, len(lengths), len(load_vocabulary()))


def _kept(expression: Expression, match: GeneMatch, n_obs: int, min_genes: int) -> Iterator[Counts]:
    """Counts of the cells with enough genes of the vocabulary, block by block; `cell` is their row in the source."""
    columns = Columns.of(match.ids, match.ids >= 0)
    for start in range(0, n_obs, _ROWS):
        rows = np.arange(start, min(start + _ROWS, n_obs))
        counts, total = expression.linear(expression.matrix.rows(rows))
        column, value, offsets = select(counts, columns)
        n = np.diff(offsets)
        kept = n >= min_genes
        token_kept = np.repeat(kept, n)
        gene = match.ids[column[token_kept]].astype(np.int32)
        own = np.concatenate([[0], np.cumsum(n[kept])])
        yield Counts(gene, value[token_kept], own, total[kept], rows[kept])


def _expression_and_genes(adata: AnnData) -> tuple[Expression, GeneMatch]:
    """Whole counts and known genes; raises ValueError without them."""
    if not adata.n_obs or not adata.n_vars:
        msg = f"holds {adata.n_obs:,} cells and {adata.n_vars:,} genes: leave this file out."
        raise ValueError(msg)
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
