"""Match genes to the vocabulary by any of their names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from scellm.genes._vocabulary import UPPER_CASE, Vocabulary

UNKNOWN = "unknown"
_GENOME_PREFIX = r"^(?:GRCh3[78]|hg19|hg38|GRCH3[78])_+"  # Cell Ranger's prefix when two genomes share a reference
_ENSEMBL_VERSION = r"^(ENSG\d{11})\.\d+$"
_MADE_UNIQUE = r"[-.]\d+$"  # suffix of `var_names_make_unique` and of R's make.unique
_TITLE_CASE = r"^[A-Z][a-z0-9]*[a-z][A-Za-z0-9.-]*$"  # how mouse and rat symbols are written: Cd3e, Ptprc
_OTHER_SPECIES = r"^ENS(?!G\d)[A-Z]{3,6}\d{11}"  # ENSMUSG..., ENSRNOG..., ENSDARG...


@dataclass(frozen=True)
class GeneMatch:
    """Names matched to the vocabulary.

    Parameters
    ----------
    ids
        Position in the vocabulary, int32, (n_genes,); -1 if unknown.
    how
        Kind of name that matched, (n_genes,): a key of `Vocabulary.names`, "made unique" or "unknown".
    column
        Source of the names: "var_names" or a column of `var`.
    names
        The names that were matched, (n_genes,).
    """

    ids: np.ndarray
    how: np.ndarray
    column: str
    names: pd.Index

    @property
    def known(self) -> np.ndarray:
        """True if the gene is in the vocabulary, bool, (n_genes,)."""
        return self.ids >= 0

    @property
    def n_matched(self) -> int:
        """Number of distinct vocabulary entries found."""
        return len(np.unique(self.ids[self.known]))

    def counts(self) -> dict[str, int]:
        """Number of genes by kind of match."""
        kinds, n = np.unique(self.how, return_counts=True)
        return dict(zip(kinds.tolist(), n.tolist(), strict=True))


def match_names(names: pd.Index, vocabulary: Vocabulary, column: str = "var_names") -> GeneMatch:
    """Match gene names of one kind or several, the most reliable kind first.

    Parameters
    ----------
    names
        Symbols, Ensembl ids with or without version, HGNC ids, previous symbols, aliases, or a mixture of them.
    vocabulary
        The genes to match to.
    column
        Source of the names, for the report.

    Returns
    -------
    GeneMatch
        One entry per name.
    """
    names = names.astype(str)
    ids, how = np.full(len(names), -1, np.int32), np.full(len(names), UNKNOWN, object)
    _fill(ids, how, np.arange(len(names)), names, vocabulary, ("symbol", "ensembl", "hgnc"))
    # Only names that are still unknown are cleaned and tried again, so that the costly steps see few names.
    rest = np.flatnonzero(ids < 0)
    clean = names[rest].str.strip().str.replace(_GENOME_PREFIX, "", regex=True)
    clean = clean.str.replace(_ENSEMBL_VERSION, r"\1", regex=True)
    _fill(ids, how, rest, clean, vocabulary, tuple(vocabulary.names))
    _fill_made_unique(ids, how, rest, clean, names, vocabulary)
    return GeneMatch(ids, how, column, names)


def _fill(
    ids: np.ndarray, how: np.ndarray, at: np.ndarray, names: pd.Index, vocabulary: Vocabulary, kinds: tuple[str, ...]
) -> None:
    """Look up `names`, at positions `at`, kind by kind; fill `ids` and `how` in place where still unknown."""
    upper = names.str.upper()
    for kind in kinds:
        todo = ids[at] < 0
        lookup = vocabulary.names[kind]
        where = lookup.index.get_indexer((upper if kind in UPPER_CASE else names)[todo])
        found = at[todo][where >= 0]
        ids[found], how[found] = lookup.to_numpy()[where[where >= 0]], kind


def _fill_made_unique(
    ids: np.ndarray, how: np.ndarray, at: np.ndarray, clean: pd.Index, names: pd.Index, vocabulary: Vocabulary
) -> None:
    """Read 'HSPA14-1' as HSPA14 if HSPA14 itself is present. 'NKX2-1' is another gene, and was matched before."""
    base = clean.str.replace(_MADE_UNIQUE, "", regex=True)
    again = (ids[at] < 0) & (base != clean) & base.isin(names)
    _fill(ids, how, at[again], base[again], vocabulary, tuple(vocabulary.names))
    how[at[again][ids[at[again]] >= 0]] = "made unique"


def match_genes(var: pd.DataFrame, vocabulary: Vocabulary, column: str | None = None) -> GeneMatch:
    """Match the genes of an AnnData, by its names or by the column of `var` that matches most genes.

    Parameters
    ----------
    var
        `adata.var` or `adata.raw.var`.
    vocabulary
        The genes to match to.
    column
        Column to use; by default `var_names`, unless a column of text matches more genes.

    Returns
    -------
    GeneMatch
        One entry per row of `var`.

    Raises
    ------
    KeyError
        If `column` does not exist.
    ValueError
        If the genes are those of another species.
    """
    if column is not None and column not in var.columns:
        msg = (
            f"var_column={column!r} is not in adata.var, which holds {list(var.columns)[:10]}. "
            "Pass one of these, or nothing."
        )
        raise KeyError(msg)
    if column is not None:
        best = match_names(pd.Index(var[column].astype(str)), vocabulary, column)
    else:
        best = match_names(var.index, vocabulary)
        for name in _text_columns(var):
            other = match_names(pd.Index(var[name].astype(str)), vocabulary, str(name))
            best = other if other.n_matched > best.n_matched else best
    refuse_other_species(best)
    return best


def _text_columns(var: pd.DataFrame) -> list[str]:
    """Columns that may hold names: text or categories that differ for more than half of the genes."""
    kinds = pd.CategoricalDtype | pd.StringDtype
    text = [c for c in var.columns if var[c].dtype == object or isinstance(var[c].dtype, kinds)]
    return [c for c in text if var[c].nunique() > len(var) / 2]


def refuse_other_species(match: GeneMatch) -> None:
    """Raise ValueError for another species' genes: mouse symbols match in upper case, but are not human counts."""
    names = match.names.astype(str)
    foreign_ids = names.str.match(_OTHER_SPECIES)
    title = names.str.match(_TITLE_CASE) & (match.how == "case")
    direct = match.known & (match.how != "case")
    if foreign_ids.sum() <= direct.sum() and title.sum() <= max(int(direct.sum()), 2):
        return
    ids = foreign_ids.sum() > direct.sum()
    examples = list(names[foreign_ids if ids else title][:3])
    what = "Ensembl ids of another species" if ids else "symbols in the style of mouse or rat"
    msg = (
        f"scellm knows human genes, such as 'CD3E' or 'ENSG00000198851'; found {what}: {examples}. "
        "Map them to human orthologs first (one-to-one pairs from Ensembl BioMart) and set adata.var_names to the "
        "human symbols."
    )
    raise ValueError(msg)
