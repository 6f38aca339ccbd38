"""An AnnData that has been prepared: is it, as what, and where are its counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from anndata import AnnData

from scellm import _keys
from scellm._logging import logger
from scellm.pp import load_vocabulary, prepare
from scellm.pp._expression import Expression, find_expression
from scellm.pp._tokenize import Binning

BINNING = ("target_sum", "log_base", "bin_edges")


def report_of(adata: AnnData) -> dict:
    """What `prepare` wrote into `uns`; empty where it has not run."""
    return dict(adata.uns.get(_keys.UNS, {}).get("prepare", {}))


def is_prepared(adata: AnnData) -> bool:
    """Whether the layer, the gene column and the report are all there."""
    return _keys.BINS in adata.layers and _keys.GENE in adata.var and bool(report_of(adata))


def binning_of(report: dict) -> Binning:
    """The bins that a report names."""
    edges = tuple(float(e) for e in report["bin_edges"].split(","))
    return Binning(float(report["target_sum"]), float(report["log_base"]), edges)


def ensure_prepared(adata: AnnData, layer: str | None = None, like: dict | None = None) -> None:
    """Prepare the data unless that was done, with the bins of `like`.

    Parameters
    ----------
    adata
        Cells by genes.
    layer
        Where the counts are, if the user said so.
    like
        The report of the data that a model learned from: its bins are the ones to use.

    Raises
    ------
    ValueError
        If the data were prepared with other bins than the model's, or another vocabulary.
    """
    like = like or {}
    options: dict[str, Any] = {}
    if like:
        binning = binning_of(like)
        options = {"target_sum": binning.target_sum, "log_base": binning.log_base, "bin_edges": binning.edges}
    report = report_of(adata)
    other_layer = layer is not None and report.get("matrix") not in {layer, f"layers/{layer}"}
    if not is_prepared(adata) or other_layer:
        logger.info(
            "adata was not prepared%s: running scellm.pp.prepare on it first", f" from {layer!r}" if layer else ""
        )
        prepare(adata, layer=layer, **options)
        return
    if report["vocabulary_sha256"] != load_vocabulary().sha256:
        msg = (
            f"adata was prepared with the vocabulary {report['vocabulary']}, which is not this version's "
            f"({load_vocabulary().version}). Run scellm.pp.prepare(adata) again."
        )
        raise ValueError(msg)
    differ = [k for k in BINNING if like and report[k] != like[k]]
    if differ:
        call = ", ".join(f"{k}={v!r}" for k, v in options.items())
        msg = (
            f"adata was prepared with {', '.join(f'{k}={report[k]}' for k in differ)}; the model learned from "
            f"{', '.join(f'{k}={like[k]}' for k in differ)}. Run scellm.pp.prepare(adata, {call})."
        )
        raise ValueError(msg)


def counts_of(adata: AnnData) -> Expression:
    """The counts that the layer was made from, for views that need them.

    Raises
    ------
    ValueError
        If they are no longer there, have changed since, or cannot be had back exactly.
    """
    report = report_of(adata)
    try:
        expression = find_expression(adata, report["matrix"].removeprefix("layers/"))
    except (KeyError, ValueError) as error:
        msg = (
            f"A view of a cell is drawn from its counts, which scellm.pp.prepare found in adata.{report['matrix']}; they are not there "
            "any more. Put them back, or pretrain with view='identity'."
        )
        raise ValueError(msg) from error
    if expression.finding.kind != report["taken_for"]:
        msg = (
            f"adata.{report['matrix']} was {report['taken_for']} when scellm.pp.prepare read it and is {expression.finding.kind} now. "
            "Keep the counts in a layer: adata.layers['counts'] = adata.X.copy() before normalising; then prepare again."
        )
        raise ValueError(msg)
    if not expression.finding.exact:
        msg = f"A view is drawn from whole counts; adata.{report['matrix']} holds {expression.finding.kind}. Pretrain with view='identity'."
        raise ValueError(msg)
    return expression


def gene_ids(adata: AnnData) -> np.ndarray:
    """Gene id of each column of `adata`, int32; -1 where unknown."""
    return adata.var[_keys.GENE].to_numpy(np.int32)
