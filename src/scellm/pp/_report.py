"""The report of `prepare`; in `uns` it is stored as plain strings and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from scellm.pp._binning import Binning


@dataclass(frozen=True)
class PrepareReport:
    """The report of :func:`scellm.pp.prepare`.

    Parameters
    ----------
    matrix
        The matrix that was read: "X", "raw" or "layers/<name>".
    taken_for, why
        The kind of values that were found there, and the evidence.
    counts_exact
        Whether the counts behind the values can be recovered exactly.
    binning
        How expression became bins.
    names_from
        Source of the gene names: "var_names" or a column of `var`.
    genes, genes_matched, genes_by_symbol, genes_by_id, genes_by_alias, genes_dropped, genes_merged
        Columns of the matrix; distinct genes of the vocabulary among them; columns by kind of name; columns outside
        the vocabulary; columns that were added to an earlier one of the same gene.
    counts_kept
        Share of all counts in genes of the vocabulary.
    panel
        Whether the data were taken for a targeted panel.
    vocabulary, vocabulary_sha256
        Version and hash of the vocabulary.
    guess
        What was guessed about the values, and what would settle it; "" if nothing was.
    not_genes
        Columns that are no genes, such as antibodies; their counts are left out.
    var_column
        The argument of `prepare`; "" if it was not given.
    """

    matrix: str
    taken_for: str
    why: str
    counts_exact: bool
    binning: Binning
    names_from: str
    genes: int
    genes_matched: int
    genes_by_symbol: int
    genes_by_id: int
    genes_by_alias: int
    genes_dropped: int
    genes_merged: int
    counts_kept: float
    panel: bool
    vocabulary: str
    vocabulary_sha256: str
    guess: str = ""
    not_genes: int = 0
    var_column: str = ""

    def to_uns(self) -> dict[str, str | float | int]:
        """Strings and numbers, so that any AnnData can be written to disk."""
        stored = asdict(self)
        del stored["binning"]
        plain = {k: int(v) if isinstance(v, bool) else v for k, v in stored.items()}
        return plain | self.binning.to_dict()

    @classmethod
    def from_uns(cls, stored: Mapping[str, Any]) -> Self:
        """Read the output of :meth:`to_uns`."""
        later = {"guess", "not_genes", "var_column"}  # fields that older reports lack
        names = [k for k in cls.__dataclass_fields__ if k != "binning" and (k in stored or k not in later)]
        fields: dict[str, Any] = {k: stored[k] for k in names}
        flags = {k: bool(stored[k]) for k in ("counts_exact", "panel")}
        return cls(**{**fields, **flags, "binning": Binning.from_dict(stored)})
