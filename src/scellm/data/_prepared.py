"""An AnnData that has been prepared: its report, and its counts on the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from scellm import _keys
from scellm._compat import layer_names
from scellm._logging import logger
from scellm.data._counts import Counts
from scellm.genes import load_vocabulary
from scellm.pp import Binning, PrepareReport, prepare
from scellm.pp._binning import Columns, select
from scellm.pp._expression import Expression, find_expression
from scellm.pp._prepare import target_columns

_CHECKED = 64  # cells that are binned again to see whether the counts changed


def report_of(adata: AnnData) -> PrepareReport | None:
    """The report of `prepare`; `None` if it was not run."""
    stored = adata.uns.get(_keys.UNS, {}).get(_keys.PREPARE)
    return None if not stored else PrepareReport.from_uns(stored)


def require_report(adata: AnnData) -> PrepareReport:
    """The report of `prepare`; raises ValueError if it was not run."""
    report = report_of(adata)
    if report is None:
        msg = "adata was not prepared. Run scellm.pp.prepare(adata)."
        raise ValueError(msg)
    return report


def is_prepared(adata: AnnData) -> bool:
    """Whether the layer, the gene column and the report are all there."""
    return _keys.BINS in layer_names(adata) and _keys.GENE in adata.var and report_of(adata) is not None


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
    report = report_of(adata)
    other_layer = layer is not None and report is not None and report.matrix not in {layer, f"layers/{layer}"}
    if report is None or not is_prepared(adata) or other_layer:
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


def gene_ids(adata: AnnData) -> np.ndarray:
    """Gene id of each column of `adata`, int32; -1 if unknown."""
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
        column = target_columns(adata, expression)
        ids = np.where(column >= 0, gene_ids(adata)[column], -1)
        found = cls(expression, Columns.of(ids, column >= 0), ids, report.binning)
        found._check(adata)
        return found

    def rows(self, rows: np.ndarray) -> Counts:
        """Counts of some cells, in the given order."""
        counts, totals = self.expression.linear(self.expression.matrix.rows(rows))
        column, value, offsets = select(counts, self.columns)
        return Counts(self.ids[column], value, offsets, totals, rows)

    def _check(self, adata: AnnData) -> None:
        rows = np.arange(min(adata.n_obs, _CHECKED))
        layer = adata.layers[_keys.BINS][rows].tocsr()
        now = self.rows(rows)
        bins = self.binning.bins(now.count, now.total, now.offsets) + np.uint8(1)
        shape = (len(rows), len(load_vocabulary()))
        stored = sp.csr_matrix((layer.data, gene_ids(adata)[layer.indices], layer.indptr), shape=shape)
        if (stored != sp.csr_matrix((bins, now.gene, now.offsets), shape=shape)).nnz:
            msg = (
                "The counts changed since scellm.pp.prepare read them: the first cells now have other bins. Run "
                "scellm.pp.prepare(adata) again."
            )
            raise ValueError(msg)


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
