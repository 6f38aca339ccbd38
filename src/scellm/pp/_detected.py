"""The kinds of values that a matrix may hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from scellm.pp._rows import RowFacts

COUNTS, DECIMAL, NORMALISED, LOG, UNUSABLE = "counts", "counts with decimals", "normalised", "log1p", "not usable"
MIXED = "mixed"

BASES = {"e": math.e, "2": 2.0, "10": 10.0}
"""Bases of the logarithms that are recognised."""

SURE, OPEN, DOUBTFUL, GUESSED, EMPTY, NO = 5, 4, 3, 2, 1, 0
"""How far values can be trusted: proven; counts come back, the scale does not; whole numbers that look like something
else; guessed; all zero; not usable."""

_MANY_GENES = 100  # expressed by one cell, of which one at least is then counted twice

SETTLE = "If raw counts exist, put them in adata.layers['counts'] and prepare again"


@dataclass(frozen=True)
class DetectedInput:
    """The kind of values in a matrix.

    Parameters
    ----------
    kind
        One of "counts", "counts with decimals", "normalised", "log1p", "mixed" (each cell is one of these, and its
        counts come back exactly), "not usable".
    why
        The evidence, in words.
    base
        Base of the logarithm, for "log1p".
    target
        Sum that every cell was scaled to, if it is more than the sum of the cell's values, as some genes were left out;
        0 if a cell's total is the sum of its values.
    exact
        Whether the counts can be recovered exactly (if the counts of a cell have no common factor).
    level
        How far the values can be trusted, from 5 (proven) to 0 (not usable).
    guess
        What was guessed and what would settle it, in words; "" if nothing was. The caller then warns.
    rounded
        Whether counts are whole numbers up to an error of computation, so that they must be rounded.
    """

    kind: str
    why: str
    base: float = 0.0
    target: float = 0.0
    exact: bool = False
    level: int = SURE
    guess: str = ""
    rounded: bool = False

    @property
    def is_counts(self) -> bool:
        """Whether the values themselves are whole counts."""
        return self.kind == COUNTS

    @property
    def usable(self) -> bool:
        """Whether expression can be read from the values."""
        return self.kind != UNUSABLE


def with_flat_cells(found: DetectedInput, facts: RowFacts) -> DetectedInput:
    """Add a guess if some cells have many genes, all of one value, as masks have, and other cells have not."""
    flat = (facts.n >= _MANY_GENES) & (facts.low == facts.high)
    if not flat.any() or not found.usable or found.guess:
        return found
    guess = (
        f"{int(flat.sum()):,} cells express {_MANY_GENES} genes and more, all at one value, as if they were binarised: "
        f"read like the others. {SETTLE}"
    )
    return replace(found, guess=guess)


def unusable(why: str) -> DetectedInput:
    """Values that cannot be read, and why."""
    return DetectedInput(UNUSABLE, why, level=NO)
