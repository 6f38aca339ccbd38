"""Counts of any form to the binned layer that the model reads."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from anndata import AnnData

from scellm import _keys
from scellm._inputs import own_entries, require_anndata
from scellm._logging import logger
from scellm._on_disk import copy_of
from scellm._options import in_range
from scellm.genes import GeneMatch, Vocabulary, load_vocabulary, match_genes
from scellm.genes._match import WEAK
from scellm.pp._bin_all import Binned, bin_all
from scellm.pp._binning import Binning
from scellm.pp._expression import Expression, find_expression
from scellm.pp._gene_checks import STACKLEVEL, check_counts, check_genes, selection
from scellm.pp._place import Place, of_genes_only
from scellm.pp._report import PrepareReport


def prepare(
    adata: AnnData,
    *,
    layer: str | None = None,
    target_sum: float = 1e4,
    log_base: float | str = "e",
    n_bins: int = 6,
    bin_edges: Sequence[float] | None = None,
    var_column: str | None = None,
    min_genes: int = 2000,
    min_counts: float = 0.5,
    panel: bool | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Find the counts, match the genes, bin the expression.

    `X`, `layers` and `raw` are searched for the matrix that is closest to raw counts. Counts, counts with decimals,
    normalised values and log1p values (base e, 2 or 10; any target sum) are distinguished by all their values, cell by
    cell; log1p gives the same bins as its counts. A guess is a warning. :func:`scellm.pp.inspect` shows what would be
    read, and why. Genes may be symbols, Ensembl ids (with versions), HGNC ids, previous symbols or aliases, in
    `var_names` or in columns of `var`. Antibodies, guides and peaks (`var["feature_types"]`) are left out. A gene's bin
    is the whole part of `log(1 + target_sum * count / total)`, at most `n_bins - 1` (paper, section 3.1; the rule is
    the published code's). A cell's total is the sum over all its genes, known or not.

    Parameters
    ----------
    adata
        Cells by genes, in memory or backed.
    layer
        Read this layer only ("X" and "raw" are understood).
    target_sum
        Sum that each cell's counts are scaled to.
    log_base
        Base of the logarithm: "e", or a number above 1.
    n_bins
        Number of bins; the edges are then 1, 2, ..., `n_bins - 1`. At most 255.
    bin_edges
        Lower edges of bins 1, 2, ... on the log scale, ascending, in place of `n_bins`.
    var_column
        Column of `adata.var` with the gene names, or "var_names", to be used alone; by default `var_names`, or the
        column that matches more genes, and all other columns for genes that remain unknown.
    min_genes
        Smallest number of vocabulary genes that must be found.
    min_counts
        Smallest share of all counts that the genes found must hold. Single cells below it are a warning.
    panel
        Whether the data are a targeted panel, which may have fewer than `min_genes`. By default, data with fewer than
        `min_genes` genes, at least half of them known, are treated as a panel, with a warning; `False` refuses them.
    copy
        Return a prepared copy and do not change `adata`.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.layers['celllm_bins']` : :class:`scipy.sparse.csr_matrix` (dtype ``uint8``)
        The bin + 1, so that 0 still means "not expressed"; genes outside the vocabulary are empty. If a gene has
        several columns, the first holds the bin of their sum. A cell without counts, or without known genes, has an
        empty row.
    `adata.var['celllm_gene']` : :class:`pandas.Series` (dtype ``int32``)
        Position in the vocabulary, -1 if unknown.
    `adata.obsm['celllm_bins']` : :class:`scipy.sparse.csr_matrix` (dtype ``uint8``)
        In place of the two above if the genes are read from `raw` and `adata` has others: the same values, cells by
        genes of the vocabulary.
    `adata.uns['celllm']['prepare']` : :class:`dict`
        The fields of :class:`scellm.pp.PrepareReport`: the matrix that was read, the kind of its values and the
        evidence, and how the genes matched.

    Raises
    ------
    ValueError
        If there are no cells, nothing holds counts, cells differ in what they hold, too little matches, or the genes
        are another species'. `adata` is not changed.
    TypeError
        If `adata` is no AnnData.
    KeyError
        If `layer` or `var_column` does not exist.

    Examples
    --------
    >>> scellm.pp.prepare(adata)
    >>> adata.layers["celllm_bins"].dtype
    dtype('uint8')

    Notes
    -----
    Do not select highly variable genes first: the model reads all expressed genes, and normalises by each cell's total.
    """
    require_anndata(adata, "scellm.pp.prepare")
    if not adata.n_obs or not adata.n_vars:
        what = "cells (n_obs is 0)" if not adata.n_obs else "genes (n_vars is 0)"
        msg = f"adata holds no {what}: nothing can be prepared. Check the filter that made it."
        raise ValueError(msg)
    if copy:
        adata = copy_of(adata)
    ours = own_entries(adata, _keys.UNS)
    binning = make_binning(target_sum, log_base, n_bins, bin_edges)
    vocabulary = load_vocabulary()
    expression = find_expression(adata, layer)
    match = of_genes_only(match_genes(expression.matrix.var, vocabulary, var_column), expression.matrix)
    panel = check_genes(adata, match, vocabulary, min_genes, panel=panel)
    place = Place.of(adata, expression.matrix, match, len(vocabulary))
    binned = bin_all(expression, place.columns, place.target, place.width, binning)
    check_counts(binned.share, min_counts, match)
    report = _report(expression, match, vocabulary, binning, binned, panel=panel)
    report = replace(report, var_column=var_column or "")

    place.write(adata, binned.bins)
    adata.uns[_keys.UNS] = {**ours, _keys.PREPARE: report.to_uns()}
    _log_report(report, place)
    _warn(adata, expression, match, binned, min_counts, panel=panel)
    return adata if copy else None


def make_binning(target_sum: float, log_base: float | str, n_bins: int, bin_edges: Sequence[float] | None) -> Binning:
    """Check the options of `prepare` that make the bins."""
    in_range("target_sum", target_sum, 0, open_low=True)
    if log_base != "e":
        in_range("log_base", log_base, 1, open_low=True)
    if bin_edges is None:
        in_range("n_bins", n_bins, 2, 255, whole=True)
    base = math.e if log_base == "e" else float(log_base)
    edges = tuple(float(e) for e in (bin_edges if bin_edges is not None else range(1, int(n_bins))))
    ascending = all(a < b < math.inf for a, b in zip((0.0, *edges), edges, strict=False))
    if not 1 <= len(edges) <= 254 or not ascending:
        msg = (
            f"Bins need 1 to 254 ascending edges above 0; found {edges[:6]}. Pass n_bins=6, or "
            "bin_edges=[1, 2, 3, 4, 5]."
        )
        raise ValueError(msg)
    return Binning(float(target_sum), base, edges)


def _report(
    expression: Expression, match: GeneMatch, vocabulary: Vocabulary, binning: Binning, binned: Binned, *, panel: bool
) -> PrepareReport:
    detected, how = expression.detected, match.counts()
    return PrepareReport(
        matrix=expression.matrix.name,
        taken_for=detected.kind,
        why=detected.why,
        counts_exact=bool(detected.exact),
        binning=binning,
        names_from=match.column,
        genes=len(match.ids),
        genes_matched=match.n_matched,
        genes_by_symbol=how.get("symbol", 0),
        genes_by_id=how.get("ensembl", 0) + how.get("hgnc", 0),
        genes_by_alias=sum(how.get(k, 0) for k in WEAK),
        genes_dropped=int((~match.known).sum()),
        genes_merged=int(match.known.sum()) - match.n_matched,
        counts_kept=binned.share,
        panel=bool(panel),
        vocabulary=vocabulary.version,
        vocabulary_sha256=vocabulary.sha256,
        guess=expression.guess,
        not_genes=sum(expression.matrix.features.left_out.values()),
    )


def _log_report(report: PrepareReport, place: Place) -> None:
    left_out = f"; {report.not_genes:,} columns are no genes and were left out" if report.not_genes else ""
    logger.info(
        f"prepare: read adata.{report.matrix} as {report.taken_for} ({report.why}); {report.genes_matched:,} of "
        f"{report.genes:,} genes known ({report.genes_by_symbol:,} by symbol, {report.genes_by_id:,} by id, "
        f"{report.genes_by_alias:,} by alias), {report.counts_kept:.1%} of counts kept{left_out}"
    )
    logger.info("    added %s, 'celllm' (adata.uns)", place.described)


def _warn(
    adata: AnnData, expression: Expression, match: GeneMatch, binned: Binned, min_counts: float, *, panel: bool
) -> None:
    n, matrix = adata.n_obs, expression.matrix
    found = [expression.matrix.features.guess, match.guess]
    if expression.guess:
        found.append(f"adata.{matrix.name} was read as {expression.detected.kind}: {expression.guess}")
    empty = int((np.diff(binned.bins.indptr) == 0).sum())
    if empty:
        found.append(
            f"{empty:,} of {n:,} cells express no known gene. They are kept, but their embeddings hold no information."
        )
    below = binned.below(min_counts)
    if below.any():
        names = [str(name) for name in adata.obs_names[np.flatnonzero(below)[:3]]]
        found.append(
            f"in {int(below.sum()):,} of {n:,} cells, such as {names}, known human genes hold less than "
            f"{min_counts:.0%} of the counts: cells of another species, names that did not match, or cells whose "
            "counts are in genes outside of the vocabulary, such as immunoglobulins. Their embeddings mean less."
        )
    n_genes = int(matrix.features.is_gene.sum())
    why = selection(adata, n_genes, panel=panel)
    if why:
        found.append(
            f"the {n_genes:,} genes seem to be a selection, such as highly variable genes ({why}). The model reads all "
            "expressed genes, and embeddings from a selection differ: prepare the data with all genes."
        )
    for msg in filter(None, found):
        warnings.warn(
            msg[0].upper() + msg[1:] if not msg.startswith("adata") else msg, UserWarning, stacklevel=STACKLEVEL
        )
