"""What an AnnData holds, and what `prepare` would read."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import pandas as pd
from anndata import AnnData

from scellm._inputs import require_anndata
from scellm.genes import GeneMatch, load_vocabulary, match_genes
from scellm.pp._expression import weigh
from scellm.pp._gene_checks import selection
from scellm.pp._matrix import Matrix
from scellm.pp._place import of_genes_only


@dataclass(frozen=True)
class Inspection:
    """What every matrix of an AnnData holds, and what would be read.

    Parameters
    ----------
    matrices
        Indexed by the name of the matrix: `holds` (the kind of its values), `why` (the evidence), `shape`, `read`
        (whether it would be read), `verdict` (why, or why not).
    genes
        Indexed by fact: how the genes match the vocabulary.
    notes
        What was guessed, and what would settle it; what would be refused.
    """

    matrices: pd.DataFrame
    genes: pd.Series
    notes: list[str]

    def __repr__(self) -> str:
        with pd.option_context("display.max_colwidth", 70, "display.width", 200):
            parts = [self.matrices.to_string(), self.genes.to_string(), *(f"* {note}" for note in self.notes)]
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        with pd.option_context("display.max_colwidth", None):
            tables = f"{self.matrices.to_html()}{self.genes.to_frame('').to_html(header=False)}"
        return f"{tables}<ul>{notes}</ul>"


def inspect(adata: AnnData, *, var_column: str | None = None) -> Inspection:
    """Show what every matrix holds, which one `prepare` would read, and how the genes match. Changes nothing.

    Parameters
    ----------
    adata
        Cells by genes, in memory or backed.
    var_column
        As for :func:`scellm.pp.prepare`.

    Returns
    -------
    Inspection
        Tables `matrices` and `genes`, and a list `notes`; it prints as text, and as tables in a notebook.

    Raises
    ------
    TypeError
        If `adata` is no AnnData.
    KeyError
        If `var_column` does not exist.

    Examples
    --------
    >>> scellm.pp.inspect(adata).matrices["holds"].to_dict()
    {'X': 'counts'}
    """
    require_anndata(adata, "scellm.pp.inspect")
    choice = weigh(adata)
    notes = [choice.guess]
    rows = {}
    for candidate in ([choice.best] if choice.best is not None else []) + choice.others:
        read = candidate is choice.best
        rows[candidate.matrix.name] = {
            "holds": candidate.detected.kind,
            "why": candidate.detected.why,
            "shape": " x ".join(f"{n:,}" for n in candidate.matrix.shape),
            "read": read,
            "verdict": "read" if read else candidate.verdict or "cannot be read",
        }
    if choice.best is None:
        notes.append("Nothing holds counts, or values that they can be recovered from: prepare would raise an error.")
    matrix = Matrix(adata.X, "X", adata.var) if choice.best is None and adata.X is not None else None
    chosen = choice.best.matrix if choice.best is not None else matrix
    genes = pd.Series(dtype=object)
    if chosen is not None:
        genes = _genes(chosen, var_column, notes)
        why = selection(adata, int(chosen.features.is_gene.sum()), panel=False)
        notes.append(f"The genes seem to be a selection: {why}." if why else "")
    columns = ["holds", "why", "shape", "read", "verdict"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return Inspection(table, genes, [note for note in notes if note])


def _genes(matrix: Matrix, var_column: str | None, notes: list[str]) -> pd.Series:
    """How the genes of a matrix match."""
    notes.append(matrix.features.guess)
    try:
        match: GeneMatch = of_genes_only(match_genes(matrix.var, load_vocabulary(), var_column), matrix)
    except ValueError as error:  # another species
        notes.append(str(error))
        return pd.Series({"columns": matrix.shape[1], "known": 0}, dtype=object)
    notes.append(match.guess)
    unknown = list(match.names[~match.known & matrix.features.is_gene][:5])
    facts = {
        "columns": matrix.shape[1],
        "not genes": sum(matrix.features.left_out.values()),
        "genes known": match.n_matched,
        "names from": match.column,
        **{f"by {kind}": n for kind, n in match.counts().items() if kind != "unknown"},
        **{f"filled from {column}": n for column, n in match.filled.items()},
        "unknown, such as": ", ".join(map(str, unknown)),
    }
    return pd.Series(facts, dtype=object)
