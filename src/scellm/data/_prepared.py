"""An AnnData that has been prepared: its report, and its counts on the vocabulary."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from scellm import _keys
from scellm._compat import layer_names
from scellm._inputs import own_entries
from scellm._logging import logger
from scellm._random import mix
from scellm.data._counts import Counts
from scellm.genes import load_vocabulary, match_genes
from scellm.pp import Binning, PrepareReport, prepare
from scellm.pp._binning import Columns, select
from scellm.pp._expression import Expression, find_expression
from scellm.pp._growing import let_go
from scellm.pp._place import of_genes_only

_CHECKED = 64  # cells that are binned again to see whether the counts changed
_HASHED = 4096  # cells whose tokens are hashed at once


def report_of(adata: AnnData) -> PrepareReport | None:
    """The report of `prepare`; `None` if it was not run, or if parts of the report were lost, as `concat` may do."""
    stored = own_entries(adata, _keys.UNS).get(_keys.PREPARE)
    try:
        return None if not stored else PrepareReport.from_uns(stored)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def require_report(adata: AnnData) -> PrepareReport:
    """The report of `prepare`; raises ValueError if it was not run."""
    report = report_of(adata)
    if report is None:
        msg = "adata was not prepared. Run scellm.pp.prepare(adata)."
        raise ValueError(msg)
    return report


def is_prepared(adata: AnnData) -> bool:
    """Whether the bins, their genes and the report are all there; raises ValueError if the genes have gaps."""
    if report_of(adata) is None:
        return False
    if in_obsm(adata):
        return adata.obsm[_keys.BINS].shape == (adata.n_obs, len(load_vocabulary()))
    if _keys.BINS not in layer_names(adata) or _keys.GENE not in adata.var:
        return False
    genes = adata.var[_keys.GENE].to_numpy()
    if genes.dtype.kind in "iu" and genes.min(initial=0) >= -1 and genes.max(initial=0) < len(load_vocabulary()):
        return True
    msg = (
        f"adata.var[{_keys.GENE!r}] has gaps or values out of range, as joining data sets leaves them. Run "
        "scellm.pp.prepare(adata)."
    )
    raise ValueError(msg)


def in_obsm(adata: AnnData) -> bool:
    """Whether the bins are stored by the vocabulary in `obsm`, as for genes of `raw` that `adata` lacks."""
    return _keys.BINS in adata.obsm


def stored_bins(adata: AnnData) -> tuple[sp.csr_matrix, np.ndarray]:
    """The bins + 1, CSR, (cells, columns), and the gene id of each column, int32, -1 if unknown."""
    bins = adata.obsm[_keys.BINS] if in_obsm(adata) else adata.layers[_keys.BINS]
    bins = bins.to_memory() if hasattr(bins, "to_memory") else bins
    bins = bins if sp.issparse(bins) and bins.format == "csr" else sp.csr_matrix(bins)
    return bins, gene_ids(adata)


def ensure_prepared(adata: AnnData, layer: str | None = None, like: Binning | None = None) -> None:
    """Prepare the data if needed.

    Parameters
    ----------
    adata
        Cells by genes.
    layer
        Layer with the counts, if the user named one.
    like
        Bins to use: those of the data that a model was trained on.

    Raises
    ------
    ValueError
        If the data were prepared with other bins than `like`, or with another vocabulary.
    """
    options = {} if like is None else prepare_options(like)
    report = report_of(adata) if is_prepared(adata) else None
    other_layer = layer is not None and report is not None and report.matrix not in {layer, f"layers/{layer}"}
    if report is None or other_layer:
        where = f" from {layer!r}" if layer else ""
        logger.info("adata was not prepared%s: running scellm.pp.prepare on it first", where)
        prepare(adata, layer=layer, **options)
        return
    if report.vocabulary_sha256 != load_vocabulary().sha256:
        msg = (
            f"adata was prepared with the vocabulary {report.vocabulary}, which is not this version's "
            f"({load_vocabulary().version}). Run scellm.pp.prepare(adata) again."
        )
        raise ValueError(msg)
    _warn_of_lost_genes(adata, report)
    if like is not None and report.binning != like:
        theirs, ours = report.binning.to_dict(), like.to_dict()
        differ = [k for k in ours if theirs[k] != ours[k]]
        call = ", ".join(f"{k}={v!r}" for k, v in options.items())
        msg = (
            f"adata was prepared with {', '.join(f'{k}={theirs[k]}' for k in differ)}; the model was trained with "
            f"{', '.join(f'{k}={ours[k]}' for k in differ)}. Run scellm.pp.prepare(adata, {call})."
        )
        raise ValueError(msg)


def prepare_options(binning: Binning) -> dict[str, Any]:
    """Arguments of :func:`scellm.pp.prepare` that give these bins."""
    return {"target_sum": binning.target_sum, "log_base": binning.log_base, "bin_edges": binning.edges}


def cell_hashes(adata: AnnData) -> np.ndarray:
    """A number for what a model reads of each cell, its genes and their bins in any order; uint64, (cells,)."""
    bins, ids = stored_bins(adata)
    found = np.empty(adata.n_obs, np.uint64)
    for start in range(0, adata.n_obs, _HASHED):
        rows = slice(start, min(start + _HASHED, adata.n_obs))
        found[rows] = _hashes(bins, ids, bins.indptr[rows.start : rows.stop + 1].astype(np.int64))
        let_go(bins.data, bins.indices)
    return found


def _hashes(bins: sp.csr_matrix, ids: np.ndarray, indptr: np.ndarray) -> np.ndarray:
    """Hashes of consecutive cells, given the start of each and the end of the last; uint64, (cells,)."""
    at = slice(indptr[0], indptr[-1])
    gene = ids[bins.indices[at]]
    with np.errstate(over="ignore"):  # overflow is intended: arithmetic modulo 2^64
        token = mix(gene.astype(np.uint64) * np.uint64(1 << 9) + bins.data[at].astype(np.uint64))
        token[gene < 0] = 0
        sums = np.concatenate([[np.uint64(0)], np.cumsum(token, dtype=np.uint64)])
        return mix(np.diff(sums[indptr - indptr[0]]))


def fingerprint_of_cells(adata: AnnData) -> str:
    """A hash of what a model reads of all cells, in their order."""
    return blake2b(cell_hashes(adata).tobytes(), digest_size=16).hexdigest()


def _warn_of_lost_genes(adata: AnnData, report: PrepareReport) -> None:
    if in_obsm(adata):
        return
    ids = gene_ids(adata)
    now = len(np.unique(ids[ids >= 0]))
    if now < report.genes_matched:
        msg = (
            f"adata holds {now:,} of {report.genes_matched:,} genes that were known when scellm.pp.prepare read it. "
            "Genes were left out since, and the embeddings lack them. Embed before selecting genes, or keep all genes "
            "in adata.raw, and prepare again."
        )
        warnings.warn(msg, UserWarning, stacklevel=2)


def gene_ids(adata: AnnData) -> np.ndarray:
    """Gene id of each column of the stored bins, int32; -1 if unknown."""
    if in_obsm(adata):
        return np.arange(len(load_vocabulary()), dtype=np.int32)
    return adata.var[_keys.GENE].to_numpy(np.int32)


@dataclass(frozen=True)
class PreparedCounts:
    """The counts of a prepared AnnData, read by rows, on the genes of the vocabulary.

    Parameters
    ----------
    expression
        The matrix that `prepare` read.
    columns
        Its columns that hold genes.
    ids
        Gene id of each column, -1 if unknown or not in `adata`.
    binning
        The bins of the data.
    """

    expression: Expression
    columns: Columns
    ids: np.ndarray
    binning: Binning

    @classmethod
    def of(cls, adata: AnnData) -> Self:
        """Find the counts again.

        Raises
        ------
        ValueError
            If they are no longer there, or have changed since `prepare` read them.
        """
        report = require_report(adata)
        expression = _find_again(adata, report)
        ids = _ids_of_columns(adata, expression, report)
        found = cls(expression, Columns.of(ids, ids >= 0), ids, report.binning)
        found._check(adata)
        return found

    def rows(self, rows: np.ndarray) -> Counts:
        """Counts of some cells, in the given order."""
        counts, totals = self.expression.linear(self.expression.matrix.rows(rows))
        column, value, offsets = select(counts, self.columns)
        return Counts(self.ids[column], value, offsets, totals, rows)

    def _check(self, adata: AnnData) -> None:
        rows = np.arange(min(adata.n_obs, _CHECKED))
        stored_layer, ids = stored_bins(adata)
        layer = stored_layer[rows]
        now = self.rows(rows)
        bins = self.binning.bins(now.count, now.total, now.offsets) + np.uint8(1)
        shape = (len(rows), len(load_vocabulary()))
        stored = sp.csr_matrix((layer.data, ids[layer.indices], layer.indptr), shape=shape)
        if (stored != sp.csr_matrix((bins, now.gene, now.offsets), shape=shape)).nnz:
            msg = (
                "The counts changed since scellm.pp.prepare read them: the first cells now have other bins. Run "
                "scellm.pp.prepare(adata) again."
            )
            raise ValueError(msg)


def _ids_of_columns(adata: AnnData, expression: Expression, report: PrepareReport) -> np.ndarray:
    """Gene id of each column of the matrix with the counts, -1 if unknown."""
    if not in_obsm(adata):
        return gene_ids(adata)
    match = match_genes(expression.matrix.var, load_vocabulary(), report.var_column or None)
    return of_genes_only(match, expression.matrix).ids


def _find_again(adata: AnnData, report: PrepareReport) -> Expression:
    try:
        expression = find_expression(adata, report.matrix.removeprefix("layers/"))
    except (KeyError, ValueError) as error:
        msg = (
            f"scellm.pp.prepare found the counts in adata.{report.matrix}, and they are no longer there. Put them "
            "back, or prepare again. Pretraining with view='identity' does not need them."
        )
        raise ValueError(msg) from error
    if expression.detected.kind != report.taken_for:
        msg = (
            f"adata.{report.matrix} was {report.taken_for} when scellm.pp.prepare read it and is "
            f"{expression.detected.kind} now. Keep the counts in a layer: adata.layers['counts'] = adata.X.copy() "
            "before normalising; then prepare again."
        )
        raise ValueError(msg)
    return expression
