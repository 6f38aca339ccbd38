"""Whether enough genes are known, and whether genes were selected before."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm.genes import GeneMatch, Vocabulary
from scellm.genes._match import match_names

STACKLEVEL = 3  # from a helper of `prepare` to the line that called `prepare`
_FEW_GENES = 10_000  # with fewer, traces of a selection of genes are taken seriously
_TRACES = ("highly_variable", "dispersions_norm", "variances_norm", "vst.variable", "highly_variable_rank", "vf_vst")


def check_genes(
    adata: AnnData, match: GeneMatch, vocabulary: Vocabulary, min_genes: int, *, panel: bool | None
) -> bool:
    """Raise ValueError if too few genes are known; return whether the data are treated as a panel."""
    n, of = match.n_matched, len(match.ids)
    if n >= min_genes:
        return bool(panel)
    if panel or (panel is None and of < min_genes and match.known.sum() >= of / 2):
        if panel is None:
            msg = (
                f"Only {of:,} genes, {n:,} of them known: treated as a targeted panel. Cell embeddings from so few "
                "genes are coarse, and not comparable with those from a whole transcriptome. Pass panel=True to "
                "confirm."
            )
            warnings.warn(msg, UserWarning, stacklevel=STACKLEVEL)
        return True
    unknown = list(match.names[~match.known][:3])
    msg = (
        f"{n:,} of {of:,} genes are known to scellm (names taken from {match.column}), fewer than "
        f"min_genes={min_genes:,}. Expected human symbols such as {list(vocabulary.symbols[[4000, 9000]])}, Ensembl or "
        f"HGNC ids; unknown here are {unknown}. {_advice(adata, n, vocabulary)}"
    )
    raise ValueError(msg)


def _advice(adata: AnnData, n: int, vocabulary: Vocabulary) -> str:
    in_rows = match_names(adata.obs_names[:20_000], vocabulary).n_matched
    if in_rows > max(n, 100, 0.3 * min(adata.n_obs, 20_000)):
        return "The genes seem to be in the rows (adata.obs_names): transpose first, adata = adata.T.copy()."
    raw = adata.raw
    if raw is not None and raw.shape[1] > adata.n_vars:
        return (
            f"adata.raw holds {raw.shape[1]:,} genes, but no counts: take the counts of all genes from the file they "
            "came from."
        )
    return (
        "If the names are in a column of adata.var, pass var_column=; if this is a targeted panel, pass panel=True; "
        "otherwise lower min_genes."
    )


def check_counts(share: float, min_counts: float, match: GeneMatch) -> None:
    """Raise ValueError if known genes hold too small a share of all counts."""
    if share >= min_counts:
        return
    msg = (
        f"The {match.n_matched:,} known genes hold {share:.0%} of the counts, less than min_counts={min_counts:.0%}: "
        f"most expression would be lost. Unknown here are {list(match.names[~match.known][:3])}. Give the names with "
        "var_column=, or lower min_counts."
    )
    raise ValueError(msg)


def selection(adata: AnnData, n_genes: int, *, panel: bool) -> str:
    """Why the genes seem to be a selection, such as highly variable ones; "" if they do not.

    Parameters
    ----------
    adata
        Cells by genes.
    n_genes
        Genes of the matrix that is read.
    panel
        Whether the data are a targeted panel, which is a selection by design.
    """
    if panel or n_genes >= _FEW_GENES:
        return ""
    if "highly_variable" in adata.var and not _all_true(adata.var["highly_variable"]):
        return ""  # marked, but not selected
    traces = [str(c) for c in adata.var.columns if str(c).startswith(_TRACES)]
    if "highly_variable" in adata.var and _all_true(adata.var["highly_variable"]):
        return "adata.var['highly_variable'] is true for all of them"
    if traces:
        return f"adata.var holds {traces[0]!r}"
    if "hvg" in adata.uns:
        return "adata.uns holds 'hvg'"
    if n_genes % 500 == 0:
        return "their number is round"
    return ""


def _all_true(column: pd.Series) -> bool:
    return bool(np.asarray(column.astype(object).map(bool), dtype=bool).all())
