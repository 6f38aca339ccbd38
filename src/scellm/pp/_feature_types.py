"""Which columns are genes, and which are antibodies, guides, peaks or spike-ins."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from scellm.genes import load_vocabulary
from scellm.genes._match import match_names

_COLUMNS = {"feature_types", "feature_type", "featuretype", "featuretypes", "modality", "modalities", "feature_class"}
_COLUMNS |= {"feature_biotype", "assay", "library_type", "type", "types", "feature", "mod"}
_GENES = {"gene expression", "gene", "genes", "gex", "rna", "mrna", "transcript", "transcripts", "scrna", "rna-seq"}
_GENES |= {"gene_expression", "geneexpression", "expression", "transcriptome", "rna_counts", "gene-expression"}
_BY_NAME = {
    "antibodies": r"(?i)^(?:ab|adt|prot|cite)[_-]|[-_.](?:adt|prot(?:ein)?)\d*$|totalseq|^anti[-_]",
    "hashtags": r"(?i)^hashtag|^(?:hto|cmo|lmo|multiplex)[-_ ]?(?:[A-Z][-_ ]?)?\d+$",
    "peaks": r"(?i)^(?:chr)?(?:\d{1,2}|x|y|mt|[gk][li]\w+(?:\.\d)?)[:_-]\d{2,}[-_]\d{2,}$",
    "guides": r"^sg[A-Z0-9]|(?i:(?:^|[-_.])(?:sgrna|grna|guide|sg\d)(?:$|[-_.\d]))|(?i:^(?:non|safe)[-_ ]?target)",
    "spike-ins": r"(?i)(?:^|[-_.])ercc[-_.]\d{4,5}",
}
_OTHERS = (
    r"antibod|protein|\bprot\b|\badt\b|\bhto\b|hashtag|crispr|guide|grna|peak|atac|chromatin|multiplex|\bcmo\b|"
    r"\bvdj|custom|spike|ercc|cell ?hash|surface|metabol|morpholog|spatial feature"
)
_CLEARLY_NO_GENE = {"spike-ins"}


@dataclass(frozen=True)
class Features:
    """Which columns are genes.

    Parameters
    ----------
    is_gene
        bool, (columns,).
    left_out
        Number of columns of each other kind.
    column
        The column of `var` that says so; "" if the names do.
    """

    is_gene: np.ndarray
    left_out: dict[str, int] = field(default_factory=dict)
    column: str = ""

    @classmethod
    def of(cls, var: pd.DataFrame) -> Features:
        """From a column such as `feature_types`, else from names that no gene has.

        Parameters
        ----------
        var
            `adata.var` or `adata.raw.var`.

        Returns
        -------
        Features
            All columns are genes if nothing says otherwise.
        """
        stated = _stated(var)
        gaps = np.zeros(len(var), bool) if stated is None else var[stated[2]].isna().to_numpy()
        is_gene, left_out, column = stated if stated is not None else (np.ones(len(var), bool), {}, "")
        names = pd.Series(var.index.astype(str))
        for kind, pattern in _BY_NAME.items():
            if stated is not None and kind not in _CLEARLY_NO_GENE and not gaps.any():
                continue
            asked = is_gene if stated is None or kind in _CLEARLY_NO_GENE else is_gene & gaps
            hit = names.str.contains(pattern, regex=True).to_numpy(bool) & asked
            hit[hit] = match_names(pd.Index(names[hit]), load_vocabulary()).ids < 0  # LMO2 is a gene
            if hit.any():
                is_gene = is_gene & ~hit
                left_out[kind] = int(hit.sum())
        if not is_gene.any():  # a matrix of peaks alone is reported by its unknown genes
            return cls(np.ones(len(var), bool))
        return cls(is_gene, left_out, column)

    @property
    def guess(self) -> str:
        """What was guessed from names, for a warning; "" if nothing was."""
        guessed = {k: n for k, n in self.left_out.items() if k not in _CLEARLY_NO_GENE}
        if self.column or not guessed:
            return ""
        found = " and ".join(f"{n:,} {kind}" for kind, n in guessed.items())
        return (
            f"by their names, {found} are no genes, and were left out. To settle it, set adata.var['feature_types'] to "
            "'Gene Expression' for genes and to another word for all else."
        )


def _is_named(column: object) -> bool:
    """Whether a column is called as Cell Ranger and others call that of the feature types."""
    return str(column).strip().lower().replace(" ", "_") in {"feature_types", "feature_type", "featuretype", "modality"}


def _stated(var: pd.DataFrame) -> tuple[np.ndarray, dict[str, int], str] | None:
    """By a column of `var`, of which some values are words for genes."""
    for at, name in enumerate(var.columns):
        if str(name).strip().lower().replace(" ", "_") not in _COLUMNS:
            continue
        words = var.iloc[:, at]
        if isinstance(words.dtype, np.dtype) and words.dtype.kind not in "OSU":
            continue
        plain = words.astype(object).where(words.notna(), "gene").map(lambda w: str(w).strip().lower())
        # other words for genes, such as "lncRNA", are no reason to leave a column out
        is_gene = ~plain.str.contains(_OTHERS, regex=True).to_numpy(bool)
        if not (plain.isin(_GENES).any() or _is_named(name)) or not is_gene.any():
            continue
        others = words[~is_gene].astype(str).value_counts()
        return is_gene, {str(k): int(n) for k, n in others.items()}, str(name)
    return None
