"""Counts of any form to the binned layer that the model reads."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from anndata import AnnData

from scellm import _keys
from scellm._logging import logger
from scellm.genes import GeneMatch, Vocabulary, load_vocabulary, match_genes
from scellm.pp._binning import Binning, Columns, select
from scellm.pp._blocks import map_blocks
from scellm.pp._expression import Expression, find_expression
from scellm.pp._report import PrepareReport

_STACKLEVEL = 3  # from a helper of `prepare` to the line that called `prepare`


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
    normalised values and log1p values (base e, 2 or 10; any target sum) are distinguished by their values; log1p gives
    the same bins as its counts. Genes may be symbols, Ensembl ids (with versions), HGNC ids, previous symbols or
    aliases, in `var_names` or in a column of `var`. A gene's bin is the whole part of `log(1 + target_sum * count /
    total)`, at most `n_bins - 1` (paper, section 3.1; the rule is the published code's). A cell's total is the sum over
    all its genes, known or not.

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
        Column of `adata.var` with the gene names; by default `var_names`, or the column that matches more genes.
    min_genes
        Smallest number of vocabulary genes that must be found.
    min_counts
        Smallest share of all counts that the genes found must hold.
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
    `adata.uns['celllm']['prepare']` : :class:`dict`
        The fields of :class:`scellm.pp.PrepareReport`: the matrix that was read, the kind of its values and the
        evidence, and how the genes matched.

    Raises
    ------
    ValueError
        If nothing holds counts, if too little matches, or if the genes are another species'. `adata` is not changed.
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
    if copy:
        adata = adata.to_memory() if adata.isbacked else adata.copy()
    binning = make_binning(target_sum, log_base, n_bins, bin_edges)
    vocabulary = load_vocabulary()
    expression = find_expression(adata, layer)
    column = target_columns(adata, expression)
    match = match_genes(expression.matrix.var, vocabulary, var_column)
    panel = _check_genes(adata, match, vocabulary, min_genes, panel=panel)
    bins, share = _bin_all(expression, Columns.of(match.ids, column >= 0), column, adata.n_vars, binning)
    _check_counts(share, min_counts, match)
    report = _report(expression, match, vocabulary, binning, share, panel=panel)

    adata.layers[_keys.BINS] = bins
    adata.var[_keys.GENE] = _gene_column(match, column, adata.n_vars)
    adata.uns[_keys.UNS] = {**adata.uns.get(_keys.UNS, {}), _keys.PREPARE: report.to_uns()}
    _log_report(report, bins, expression)
    return adata if copy else None


def make_binning(target_sum: float, log_base: float | str, n_bins: int, bin_edges: Sequence[float] | None) -> Binning:
    """Check the options of `prepare` that make the bins."""
    base = math.e if log_base == "e" else float(log_base)
    edges = tuple(float(e) for e in (bin_edges if bin_edges is not None else range(1, n_bins)))
    if not target_sum > 0 or not base > 1:
        msg = f"target_sum must be above 0 and log_base 'e' or above 1; found {target_sum} and {log_base!r}."
        raise ValueError(msg)
    if not 1 <= len(edges) <= 254 or any(b <= a for a, b in zip((0.0, *edges), edges, strict=False)):
        msg = (
            f"Bins need 1 to 254 ascending edges above 0; found {edges[:6]}. Pass n_bins=6, or "
            "bin_edges=[1, 2, 3, 4, 5]."
        )
        raise ValueError(msg)
    return Binning(float(target_sum), base, edges)


def _check_genes(
    adata: AnnData, match: GeneMatch, vocabulary: Vocabulary, min_genes: int, *, panel: bool | None
) -> bool:
    """Raise if too few genes are known; return whether the data are treated as a panel."""
    n, of = match.n_matched, len(match.ids)
    if n >= min_genes:
        return bool(panel)
    raw = adata.raw
    if raw is not None and raw.shape[1] >= min_genes > adata.n_vars and panel is None:
        msg = (
            f"adata holds {adata.n_vars:,} genes, of which {n:,} are known; scellm needs {min_genes:,}. adata.raw "
            f"holds {raw.shape[1]:,}: use it with `adata = adata.raw.to_adata()`, then scellm.pp.prepare(adata)."
        )
        raise ValueError(msg)
    if panel or (panel is None and of < min_genes and match.known.sum() >= of / 2):
        if panel is None:
            msg = (
                f"Only {of:,} genes, {n:,} of them known: treated as a targeted panel. Cell embeddings from so few "
                "genes are coarse, and not comparable with those from a whole transcriptome. Pass panel=True to "
                "confirm."
            )
            warnings.warn(msg, UserWarning, stacklevel=_STACKLEVEL)
        return True
    unknown = list(match.names[~match.known][:3])
    msg = (
        f"{n:,} of {of:,} genes are known to scellm (names taken from {match.column}), fewer than "
        f"min_genes={min_genes:,}. Expected human symbols such as {list(vocabulary.symbols[[4000, 9000]])}, Ensembl or "
        f"HGNC ids; unknown here are {unknown}. If the names are in a column of adata.var, pass var_column=; if this "
        "is a targeted panel, pass panel=True; otherwise lower min_genes."
    )
    raise ValueError(msg)


def _check_counts(share: float, min_counts: float, match: GeneMatch) -> None:
    if share >= min_counts:
        return
    msg = (
        f"The {match.n_matched:,} known genes hold {share:.0%} of the counts, less than min_counts={min_counts:.0%}: "
        f"most expression would be lost. Unknown here are {list(match.names[~match.known][:3])}. Give the names with "
        "var_column=, or lower min_counts."
    )
    raise ValueError(msg)


def target_columns(adata: AnnData, expression: Expression) -> np.ndarray:
    """For each column of the matrix, the column of `adata` of the same name; -1 if `raw` holds a gene that it lacks.

    Parameters
    ----------
    adata
        Cells by genes.
    expression
        The matrix that is read.

    Returns
    -------
    numpy.ndarray
        int64, (columns of the matrix,).

    Raises
    ------
    ValueError
        If the matrix is `raw` and names repeat, so that its columns cannot be found in `adata`.
    """
    if expression.matrix.name != "raw":
        return np.arange(adata.n_vars)
    if not adata.var_names.is_unique:
        twice = list(adata.var_names[adata.var_names.duplicated()].unique()[:3])
        msg = (
            "The counts are in adata.raw, whose genes are found by name, but adata.var_names has duplicates such as "
            f"{twice}. Run adata.var_names_make_unique() first."
        )
        raise ValueError(msg)
    return adata.var_names.get_indexer(expression.matrix.var.index)


def _gene_column(match: GeneMatch, column: np.ndarray, n_vars: int) -> np.ndarray:
    gene = np.full(n_vars, -1, np.int32)
    gene[column[column >= 0]] = match.ids[column >= 0]
    return gene


def _bin_all(
    expression: Expression, columns: Columns, target: np.ndarray, n_vars: int, binning: Binning
) -> tuple[sp.csr_matrix, float]:
    """The layer, and the share of counts in it. Blocks are written to preallocated arrays: there is no second copy."""
    target = target.astype(np.int32)

    def work(rows: sp.csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, float]:
        counts, totals = expression.linear(rows)
        key, values, offsets = select(counts, columns)
        bins = binning.bins(values, totals, offsets) + np.uint8(1)
        return target[key], bins, offsets, float(values.sum(dtype=np.float64)), float(counts.data.sum(dtype=np.float64))

    n = expression.matrix.shape[0]
    room = expression.matrix.n_stored  # an upper bound; memory pages that are never written cost nothing
    column, value, indptr = _Growing(np.int32, room), _Growing(np.uint8, room), np.zeros(n + 1, np.int64)
    kept = total = 0.0
    start = 0
    blocks = (rows for _, rows in expression.matrix.blocks())
    for key, bins, offsets, block_kept, block_total in map_blocks(work, blocks):
        indptr[start + 1 : start + len(offsets)] = len(column) + offsets[1:]
        start += len(offsets) - 1
        column.extend(key)
        value.extend(bins)
        kept, total = kept + block_kept, total + block_total
    index = np.int32 if len(column) <= np.iinfo(np.int32).max else np.int64
    out = sp.csr_matrix((n, n_vars), dtype=np.uint8)
    out.data, out.indices, out.indptr = value.finish(), column.finish().astype(index, copy=False), indptr.astype(index)
    out.sort_indices()
    return out, kept / total if total else 1.0


class _Growing:
    """An array that grows at its end."""

    def __init__(self, dtype: type, room: int = 0) -> None:
        self._data: np.ndarray = np.empty(room, dtype)
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def extend(self, values: np.ndarray) -> None:
        """Append values."""
        if self._n + len(values) > len(self._data):
            larger = np.empty(max(len(self._data) * 5 // 4, self._n + len(values)), self._data.dtype)
            larger[: self._n] = self._data[: self._n]
            self._data = larger
        self._data[self._n : self._n + len(values)] = values
        self._n += len(values)

    def finish(self) -> np.ndarray:
        """The values; unused memory is released in place."""
        self._data.resize(self._n, refcheck=False)
        return self._data


def _report(
    expression: Expression, match: GeneMatch, vocabulary: Vocabulary, binning: Binning, share: float, *, panel: bool
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
        genes_by_alias=sum(how.get(k, 0) for k in ("previous", "alias", "case", "made unique")),
        genes_dropped=int((~match.known).sum()),
        genes_merged=int(match.known.sum()) - match.n_matched,
        counts_kept=float(share),
        panel=bool(panel),
        vocabulary=vocabulary.version,
        vocabulary_sha256=vocabulary.sha256,
    )


def _log_report(report: PrepareReport, bins: sp.csr_matrix, expression: Expression) -> None:
    logger.info(
        f"prepare: read adata.{report.matrix} as {report.taken_for} ({report.why}); {report.genes_matched:,} of "
        f"{report.genes:,} genes known ({report.genes_by_symbol:,} by symbol, {report.genes_by_id:,} by id, "
        f"{report.genes_by_alias:,} by alias), {report.counts_kept:.1%} of counts kept"
    )
    logger.info("    added 'celllm_bins' (adata.layers), 'celllm_gene' (adata.var), 'celllm' (adata.uns)")
    if expression.detected.assumed:
        msg = (
            f"adata.{report.matrix} is {report.taken_for}, but the sum that cells were scaled to is not known "
            f"({report.why}). If raw counts exist, put them in adata.layers['counts'] and prepare again."
        )
        warnings.warn(msg, UserWarning, stacklevel=_STACKLEVEL)
    empty = int((np.diff(bins.indptr) == 0).sum())
    if empty:
        msg = (
            f"{empty:,} of {bins.shape[0]:,} cells express no known gene. They are kept, but their embeddings hold no "
            "information."
        )
        warnings.warn(msg, UserWarning, stacklevel=_STACKLEVEL)
