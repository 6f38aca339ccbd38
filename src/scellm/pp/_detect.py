"""Detect the kind of values in a matrix, from all its values alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scellm.pp._decimals import Decimals
from scellm.pp._detected import COUNTS, DOUBTFUL, EMPTY, SETTLE, DetectedInput, unusable, with_flat_cells
from scellm.pp._matrix import Matrix
from scellm.pp._rows import RowFacts

_LARGEST_COUNT = 2**31  # of one gene in one cell, or in a bulk sample
_NEARLY_ALL, _SOME = 0.9, 0.02
_MANY_GENES, _SMALL = 200, 9  # genes of a cell, of which one at least is counted more often


def detect(matrix: Matrix) -> DetectedInput:
    """Detect the kind of values in a matrix.

    Reads all values, cell by cell: a matrix of which some cells hold counts and others logs is not usable. There is no
    random sample, so the result is the same on every run, and no random state is changed.

    Parameters
    ----------
    matrix
        Any matrix of an AnnData.

    Returns
    -------
    DetectedInput
        The kind and the evidence.
    """
    try:
        facts = RowFacts.of(matrix)
    except (TypeError, ValueError) as error:  # no numbers, or a damaged matrix
        return unusable(str(error))
    refused = _refused(matrix, facts)
    if refused is not None:
        return refused
    if not facts.n.any():
        return DetectedInput(COUNTS, "all values are zero", exact=True, level=EMPTY)
    if facts.whole.all():
        found = with_flat_cells(_whole_numbers(facts, matrix.shape[1]), facts)
        return found if facts.strict.all() else replace(found, rounded=True)
    return Decimals(matrix, facts).detect()


def _refused(matrix: Matrix, facts: RowFacts) -> DetectedInput | None:
    """Values that are no expression in any form."""
    if not facts.finite.all():
        bad = np.flatnonzero(~facts.finite)
        return unusable(f"values are NaN or infinite in {len(bad):,} cells, the first of them {matrix.cell(bad[0])}")
    if facts.low.min(initial=0) < 0:
        row, low, high = int(facts.low.argmin()), facts.low.min(), facts.high.max()
        if low > -1e-4 * max(high, 1e-4):
            return unusable(
                f"negative values down to {low:.3g}, so small that they are rounding errors. Set them to zero: "
                "x[x < 0] = 0"
            )
        return unusable(
            f"values go down to {low:.3g} (cell {matrix.cell(row)}): scaled or centred, which cannot be undone"
        )
    if facts.high.max(initial=0) > _LARGEST_COUNT:
        row = int(facts.high.argmax())
        return unusable(f"values go up to {facts.high.max():.3g} (cell {matrix.cell(row)}), which no count reaches")
    return None


def _whole_numbers(facts: RowFacts, n_vars: int) -> DetectedInput:
    """Whole numbers may be counts, but also masks, ranks, bins or identifiers."""
    held = facts.n > 0
    n, high, mean = facts.n[held], facts.high[held], facts.total[held] / facts.n[held]
    largest = f"{facts.high.max():,.0f}"
    if facts.high.max() == 1 and np.median(n) > 30:
        guess = f"every value is 0 or 1: binarised, so that how much a gene is expressed is lost. {SETTLE}"
        return DetectedInput(COUNTS, "every value is 0 or 1", exact=True, level=DOUBTFUL, guess=guess)
    constant = (facts.low[held] == high) & (n == n_vars) & (n_vars > 2)
    if constant.mean() >= _NEARLY_ALL:
        return unusable("all values of a cell are the same number, such as a label")
    even = (n >= 20) & (high >= 5) & (high <= 2.6 * mean)
    small = np.median(n) >= _MANY_GENES and facts.high.max() <= _SMALL
    dense = n_vars > _MANY_GENES and (n == n_vars).mean() >= _NEARLY_ALL
    if small or dense:
        form = "no value is zero" if dense else f"no value is above {largest} in cells of hundreds of genes"
        guess = f"{form}, as in ranks, bins or rounded logs: read as counts all the same. {SETTLE}"
        return DetectedInput(COUNTS, f"whole numbers, but {form}", exact=True, level=DOUBTFUL, guess=guess)
    if even.mean() >= _NEARLY_ALL or (even & (n >= _MANY_GENES)).mean() >= _SOME:
        guess = (
            f"whole numbers up to {largest} that are spread evenly within cells, as ranks and bins are, and counts "
            f"are not: read as counts all the same. {SETTLE}"
        )
        why = f"whole numbers up to {largest}, spread evenly like ranks or bins"
        return DetectedInput(COUNTS, why, exact=True, level=DOUBTFUL, guess=guess)
    return DetectedInput(COUNTS, f"every value is a whole number, the largest {largest}", exact=True)
