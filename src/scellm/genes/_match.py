"""Match genes to the vocabulary by any of their names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from scellm.genes._clean import made_unique, plain, repaired
from scellm.genes._vocabulary import UPPER_CASE, Vocabulary

UNKNOWN = "unknown"
WEAK = ("previous", "alias", "case", "made unique", "repaired")
"""Kinds of match that an Ensembl id in another column overrules."""

_TITLE_CASE = r"^[A-Z][a-z0-9]*[a-z][A-Za-z0-9.-]*$"  # how mouse and rat symbols are written: Cd3e, Ptprc
_OTHER_SPECIES = r"^(?:[A-Za-z0-9-]+_+)?ENS(?!G\d)[A-Z]{3,6}\d{11}"  # ENSMUSG..., ENSRNOG..., ENSDARG...
_INDEX = "var_names"
_ORTHOLOGS = re.compile(r"mouse|murine|mmus|rat\b|zebrafish|danio|macaque|ortholog|homolog", re.IGNORECASE)
_FEW, _MANY = 0.2, 0.05  # share of names that a column of names matches, and of genes that two columns call differently


@dataclass(frozen=True)
class GeneMatch:
    """Names matched to the vocabulary.

    Parameters
    ----------
    ids
        Position in the vocabulary, int32, (n_genes,); -1 if unknown.
    how
        Kind of name that matched, (n_genes,): a key of `Vocabulary.names`, "repaired", "made unique" or "unknown".
    column
        Source of the names: "var_names" or a column of `var`.
    names
        The names that were matched, (n_genes,).
    filled
        For each other column, how many genes only its names gave.
    conflicts
        For each other column that calls many genes by other names, how many.
    """

    ids: np.ndarray
    how: np.ndarray
    column: str
    names: pd.Index
    filled: dict[str, int] = field(default_factory=dict)
    conflicts: dict[str, int] = field(default_factory=dict)

    @property
    def known(self) -> np.ndarray:
        """True if the gene is in the vocabulary, bool, (n_genes,)."""
        return self.ids >= 0

    @property
    def n_matched(self) -> int:
        """Number of distinct vocabulary entries found."""
        return len(np.unique(self.ids[self.known]))

    @property
    def guess(self) -> str:
        """What was guessed about the names, and what would settle it; "" if nothing was."""
        if self.conflicts:
            column, n = next(iter(self.conflicts.items()))
            return (
                f"{self.column} and adata.var[{column!r}] name different genes in {n:,} rows: read {self.column}. "
                "One of them is in another order, or was changed; pass the right one as var_column=."
            )
        by_case = int((self.how == "case").sum())
        if by_case > 0.5 * max(int(self.known.sum()), 1):
            return (
                f"{by_case:,} genes match human symbols in another case only, such as "
                f"{[str(n) for n in self.names[self.how == 'case'][:3]]}: other species are written so. They were read "
                "as human."
            )
        return ""

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
    clean = plain(names[rest])
    _fill(ids, how, rest, clean, vocabulary, tuple(vocabulary.names))
    _fill_repaired(ids, how, rest, clean, vocabulary)
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


def _fill_repaired(ids: np.ndarray, how: np.ndarray, at: np.ndarray, clean: pd.Index, vocabulary: Vocabulary) -> None:
    """Names that other programs have changed."""
    left = ids[at] < 0
    places = at[left]
    for forms in repaired(clean[left]):
        tried = (ids[places] < 0) & (forms != "")
        _fill(ids, how, places[tried], plain(forms[tried]), vocabulary, tuple(vocabulary.names))
        how[places[tried & (ids[places] >= 0)]] = "repaired"


def _fill_made_unique(
    ids: np.ndarray, how: np.ndarray, at: np.ndarray, clean: pd.Index, names: pd.Index, vocabulary: Vocabulary
) -> None:
    """Read 'HSPA14-1' as HSPA14 if HSPA14 itself is present. 'NKX2-1' is another gene, and was matched before."""
    base = made_unique(clean)
    again = (ids[at] < 0) & (base != clean) & base.isin(names)
    _fill(ids, how, at[again], base[again], vocabulary, tuple(vocabulary.names))
    how[at[again][ids[at[again]] >= 0]] = "made unique"


def match_genes(var: pd.DataFrame, vocabulary: Vocabulary, column: str | None = None) -> GeneMatch:
    """Match the genes of an AnnData, by its names or by the column of `var` that matches most genes.

    Genes that remain unknown are looked up in the other columns, Ensembl ids first; an Ensembl id also overrules an
    alias.

    Parameters
    ----------
    var
        `adata.var` or `adata.raw.var`.
    vocabulary
        The genes to match to.
    column
        Column to use alone, or "var_names"; by default `var_names`, unless a column of text matches more genes, and all
        other columns for what remains.

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
    if column is not None:
        match = match_names(_names_of(var, column), vocabulary, column)
        _refuse_other_species([match])
        return match
    matches = [match_names(var.index, vocabulary)]
    matches += [match_names(names, vocabulary, name) for name, names in _text_columns(var)]
    _refuse_other_species([m for m in matches if not _ORTHOLOGS.search(m.column)])
    best = max(matches, key=lambda m: m.n_matched)  # of equals, the names of `var`
    return _filled(best, [m for m in matches if m is not best])


def _names_of(var: pd.DataFrame, column: str) -> pd.Index:
    if column == _INDEX and column not in var.columns:
        return var.index
    if column not in var.columns:
        msg = (
            f"var_column={column!r} is not in adata.var, which holds {list(var.columns)[:10]}. "
            "Pass one of these, or nothing."
        )
        raise KeyError(msg)
    names = var[column]
    if isinstance(names, pd.DataFrame):
        msg = f"adata.var holds {names.shape[1]} columns called {column!r}. Rename all but one."
        raise ValueError(msg)
    return pd.Index(names.astype(str))


def _text_columns(var: pd.DataFrame) -> list[tuple[str, pd.Index]]:
    """Columns that may hold names: text that differs for many of the genes. Columns of lists are passed over."""
    found = []
    for at, name in enumerate(var.columns):
        column = var.iloc[:, at]
        if not (column.dtype == object or isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype)):
            continue
        if column.dtype == object and not column.dropna().map(lambda v: isinstance(v, str)).all():
            continue
        if column.nunique() > min(len(var) / 4, 10_000):  # probes give a gene three rows
            found.append((str(name), pd.Index(column.astype(object).where(column.notna(), "").astype(str))))
    return found


def _filled(best: GeneMatch, others: list[GeneMatch]) -> GeneMatch:
    """Fill unknown genes from other columns, Ensembl ids first."""
    ids, how, filled = best.ids.copy(), best.how.copy(), {}
    others = [m for m in others if m.known.sum() > _FEW * max((m.names != "").sum(), 1)]  # no descriptions
    conflicts = {m.column: n for m in others if (n := _differ(best, m)) > _MANY * len(ids)}
    by_id = sorted(others, key=lambda m: -int((m.how == "ensembl").sum()))
    for other in by_id:
        better = (other.how == "ensembl") & ((ids < 0) | (np.isin(how, WEAK) & (ids != other.ids)))
        new = better | ((ids < 0) & other.known)
        if new.any():
            ids[new], how[new] = other.ids[new], other.how[new]
            filled[other.column] = int(new.sum())
    return replace(best, ids=ids, how=how, filled=filled, conflicts=conflicts)


def _differ(one: GeneMatch, other: GeneMatch) -> int:
    """Number of rows that both know, as different genes."""
    return int((one.known & other.known & (one.ids != other.ids)).sum())


def _refuse_other_species(matches: list[GeneMatch]) -> None:
    """Raise ValueError for another species' genes: mouse symbols match in upper case, but are not human counts."""
    ids = max(matches, key=lambda m: int((m.how == "ensembl").sum()))
    if (ids.how == "ensembl").mean() > 0.5:  # named by human ids; other columns may hold orthologs
        return
    for match in matches:
        refuse_other_species(match)


def refuse_other_species(match: GeneMatch) -> None:
    """Raise ValueError if most names of one kind are those of another species."""
    names = match.names.astype(str)
    foreign_ids = names.str.match(_OTHER_SPECIES)
    title = names.str.match(_TITLE_CASE) & (match.how == "case")
    direct = match.known & (match.how != "case")
    if foreign_ids.sum() <= direct.sum() and title.sum() <= max(int(direct.sum()), 2):
        return
    ids = foreign_ids.sum() > direct.sum()
    examples = list(names[foreign_ids if ids else title][:3])
    what = "Ensembl ids of another species" if ids else "symbols in the style of mouse or rat"
    mapped = "" if match.column == _INDEX else f" If that was done, pass var_column={_INDEX!r}, and only they are read."
    msg = (
        f"scellm knows human genes, such as 'CD3E' or 'ENSG00000198851'; found {what} in {match.column}: {examples}. "
        "Map them to human orthologs first (one-to-one pairs from Ensembl BioMart) and set adata.var_names to the "
        f"human symbols.{mapped}"
    )
    raise ValueError(msg)
