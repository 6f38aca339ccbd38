"""Detect the kind of values in a matrix, from all its values alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from scellm.pp._matrix import Matrix
from scellm.pp._rows import Inverse, RowFacts
from scellm.pp._target import find_target, near_usual

COUNTS, DECIMAL, NORMALISED, LOG, UNUSABLE = "counts", "counts with decimals", "normalised", "log1p", "not usable"
MIXED = "mixed"

BASES = {"e": math.e, "2": 2.0, "10": 10.0}
_LARGEST_LOG = 25.0  # ln(1 + 7e10): no log of an expression value is larger
_LARGEST_COUNT = 2**31  # of one gene in one cell, or in a bulk sample
_NEARLY_ALL = 0.9
_WHOLE, _USUAL = 10_000, 1e4  # genes of a whole transcriptome, at least; the usual target of normalize_total
_SURE, _OPEN, _DOUBTFUL, _GUESSED, _EMPTY, _NO = 5, 4, 3, 2, 1, 0


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
    level: int = _SURE
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
        return _unusable(str(error))
    refused = _refused(matrix, facts)
    if refused is not None:
        return refused
    if not facts.n.any():
        return DetectedInput(COUNTS, "all values are zero", exact=True, level=_EMPTY)
    if facts.whole.all():
        found = _whole_numbers(facts, matrix.shape[1])
        return found if facts.strict.all() else replace(found, rounded=True)
    return _Decimals(matrix, facts).detect()


def _unusable(why: str) -> DetectedInput:
    return DetectedInput(UNUSABLE, why, level=_NO)


def _refused(matrix: Matrix, facts: RowFacts) -> DetectedInput | None:
    """Values that are no expression in any form."""
    if not facts.finite.all():
        bad = np.flatnonzero(~facts.finite)
        return _unusable(f"values are NaN or infinite in {len(bad):,} cells, the first of them {matrix.cell(bad[0])}")
    if facts.low.min(initial=0) < 0:
        row, low, high = int(facts.low.argmin()), facts.low.min(), facts.high.max()
        if low > -1e-4 * max(high, 1e-4):
            return _unusable(
                f"negative values down to {low:.3g}, so small that they are rounding errors. Set them to zero: "
                "x[x < 0] = 0"
            )
        return _unusable(
            f"values go down to {low:.3g} (cell {matrix.cell(row)}): scaled or centred, which cannot be undone"
        )
    if facts.high.max(initial=0) > _LARGEST_COUNT:
        row = int(facts.high.argmax())
        return _unusable(f"values go up to {facts.high.max():.3g} (cell {matrix.cell(row)}), which no count reaches")
    return None


def _whole_numbers(facts: RowFacts, n_vars: int) -> DetectedInput:
    """Whole numbers may be counts, but also masks, ranks, bins or identifiers."""
    held = facts.n > 0
    n, high, mean = facts.n[held], facts.high[held], facts.total[held] / facts.n[held]
    largest = f"{facts.high.max():,.0f}"
    settle = "If raw counts exist, put them in adata.layers['counts'] and prepare again"
    if facts.high.max() == 1 and np.median(n) > 30:
        guess = f"every value is 0 or 1: binarised, so that how much a gene is expressed is lost. {settle}"
        return DetectedInput(COUNTS, "every value is 0 or 1", exact=True, level=_DOUBTFUL, guess=guess)
    constant = (facts.low[held] == high) & (n == n_vars) & (n_vars > 2)
    if constant.mean() >= _NEARLY_ALL:
        return _unusable("all values of a cell are the same number, such as a label")
    even = (n >= 20) & (high >= 5) & (high <= 2.6 * mean)
    if even.mean() >= _NEARLY_ALL:
        guess = (
            f"whole numbers up to {largest} that are spread evenly in every cell, as ranks and bins are, and counts are "
            f"not: read as counts all the same. {settle}"
        )
        why = f"whole numbers up to {largest}, spread evenly like ranks or bins"
        return DetectedInput(COUNTS, why, exact=True, level=_DOUBTFUL, guess=guess)
    return DetectedInput(COUNTS, f"every value is a whole number, the largest {largest}", exact=True)


class _Decimals:
    """A matrix that holds numbers with decimals: a log, scaled counts, or something else.

    Parameters
    ----------
    matrix
        The matrix, without negative values.
    facts
        Of all cells.
    """

    def __init__(self, matrix: Matrix, facts: RowFacts) -> None:
        self.matrix, self.facts = matrix, facts
        self.held = facts.n > 0
        self.decimal = ~facts.whole
        self.tellable = self.held & ((facts.n > 2) & (facts.high > facts.low) | self.decimal)
        # whole numbers that are surely no logs of scaled counts
        self.counts = self.held & facts.whole & (facts.n >= 3) & (facts.high > facts.low)
        self.maximum = float(facts.high[self.decimal].max())

    def detect(self) -> DetectedInput:
        """The kind and the evidence."""
        found = self._exact()
        if found is not None:
            return found
        if self._divided_by_spread():
            return _unusable("each gene was divided by its standard deviation (scaled), which cannot be undone")
        roots = Inverse.of(self.matrix, lambda x: np.round(x * x, 2), 0.0)
        if self._share(roots) >= _NEARLY_ALL and (np.abs(roots.unit[self.decimal] - 1) < 1e-2).mean() >= _NEARLY_ALL:
            return _unusable("square roots of counts. Square them: adata.layers['counts'] = x.power(2).round()")
        return self._guessed()

    def _share(self, found: Inverse) -> float:
        """Share of the cells with decimals whose values are multiples of one number."""
        return float(found.multiples[self.decimal].mean())

    @cached_property
    def _rounded(self) -> bool:
        """Whether values were rounded to three decimals when they were stored, as in scanpy's pbmc68k_reduced."""
        block = next(self.matrix.blocks())[1].data.astype(np.float64)
        return bool((np.abs(block * 1e3 - np.round(block * 1e3)) < 1e-3).all())

    def _exact(self) -> DetectedInput | None:
        """A log in some base, or a scale without a log, that gives whole multiples, or logs that all sum to the same."""
        shares = {}
        for name, base in BASES.items():
            if self.maximum > _LARGEST_LOG:
                break
            log = math.log(base)
            inverse = Inverse.of(self.matrix, lambda x, log=log: np.expm1(x * log), 1e-3 if self._rounded else 3e-6)
            shares[name] = inverse.multiples
            same = _same(inverse.total[self.held])
            if self._share(inverse) >= _NEARLY_ALL or (same and not self.counts.any()):
                return self._mixed(inverse, f"log1p in base {name}") or self._log(name, base, inverse, same=same)
        scaled = Inverse.of(self.matrix, lambda x: x, 3e-6)
        if self._share(scaled) >= _NEARLY_ALL:
            linear = Inverse(scaled.unit, scaled.multiples | self.facts.whole, scaled.total)  # both are linear
            return self._mixed(linear, "scaled counts") or self._scaled(scaled)
        covered = np.any([scaled.multiples, *shares.values()], axis=0)
        return self._by_cell() if shares and covered[self.decimal].all() else None

    def _mixed(self, inverse: Inverse, form: str) -> DetectedInput | None:
        """Refuse cells of another form beside the others."""
        wrong = self.counts & ~inverse.multiples
        elsewhere, astray = self._of_other_form(inverse)
        if not wrong.any() and not elsewhere.any() and not astray.any():
            return None
        if (inverse.multiples | wrong | elsewhere)[self.held].all():
            return self._by_cell()
        other = "counts" if wrong.any() else "another form"
        wrong = wrong | elsewhere | astray
        first = int(np.flatnonzero(wrong)[0])
        return _unusable(
            f"cells differ (a mixture): {int((self.held & ~wrong).sum()):,} hold {form} and {int(wrong.sum()):,} hold "
            f"{other} (the first of those is {self.matrix.cell(first)}). Bring all to counts, or prepare them apart"
        )

    def _by_cell(self) -> DetectedInput:
        """Cells differ, but the counts of each come back exactly."""
        n = int(self.counts.sum())
        guess = (
            f"cells differ (a mixture): {n:,} hold counts, the others logs in several bases, or scaled counts: each was "
            "taken back to its own counts. Bring all to counts to settle it."
        )
        why = "cells of different forms, each of which gives whole counts"
        return DetectedInput(MIXED, why, exact=True, level=_OPEN, guess=guess)

    def _of_other_form(self, inverse: Inverse) -> tuple[np.ndarray, np.ndarray]:
        """Cells that are no multiples in this form but in another; and those in none, of another sum than the rest."""
        failing = self.tellable & self.decimal & ~inverse.multiples
        if not failing.any():
            return failing, failing
        elsewhere = Inverse.of(self.matrix, lambda x: x, 3e-6).multiples
        for base in BASES.values() if self.maximum <= _LARGEST_LOG else ():
            log = math.log(base)
            elsewhere = elsewhere | Inverse.of(self.matrix, lambda x, log=log: np.expm1(x * log), 3e-6).multiples
        rest = inverse.total[self.held & ~failing]
        if not _same(rest):
            return failing & elsewhere, np.zeros(len(failing), bool)
        return failing & elsewhere, failing & (np.abs(inverse.total / np.median(rest) - 1) > 1e-2)

    def _log(self, name: str, base: float, inverse: Inverse, *, same: bool) -> DetectedInput:
        exact = self._share(inverse) >= _NEARLY_ALL and not self._rounded
        form = f"log1p in base {name}" + (", rounded to three decimals" if self._rounded else "")
        sure = self.held & inverse.multiples
        if exact and (np.abs(inverse.unit[sure & self.tellable] - 1) < 1e-3).mean() > _NEARLY_ALL:
            return DetectedInput(LOG, f"log1p (base {name}) of counts that were not scaled", base, exact=True)
        if same:
            at = np.median(inverse.total[self.held])
            return DetectedInput(LOG, f"{form}; inverted, rows sum to {at:,.6g}", base, exact=exact)
        return self._of_unequal_sums(DetectedInput(LOG, f"{form}; inverted", base, exact=exact), inverse)

    def _scaled(self, inverse: Inverse) -> DetectedInput:
        """Counts that were scaled, without a log."""
        sums = inverse.total[self.held & self.decimal]
        if _same(sums):
            why = f"no log was taken, but every row sums to {np.median(sums):,.6g}"
            return DetectedInput(NORMALISED, why, exact=True)
        return self._of_unequal_sums(DetectedInput(NORMALISED, "scaled counts without a log", exact=True), inverse)

    def _of_unequal_sums(self, found: DetectedInput, inverse: Inverse) -> DetectedInput:
        """Sums differ because genes were left out (then there is a target), or because cells were scaled otherwise."""
        sums, unit = inverse.total[self.held], inverse.unit
        settle = "If raw counts exist, put them in adata.layers['counts'] and prepare again"
        alone = sums.size < 3 and near_usual(sums).all()
        if alone or near_usual(sums).mean() >= 0.5:
            return _with(found, f"{found.why}, rows sum to usual targets")
        tellable = self.tellable & inverse.multiples
        target, few = (0.0, True) if not found.exact else find_target(sums, unit[tellable])
        if target and not few:
            return _with(
                found, f"{found.why}, cells were scaled to {target:,.6g}, of which some genes are gone", target
            )
        if target:
            guess = (
                f"the sum that cells were scaled to is not known, as {len(unit[tellable])} cells leave it open: read as "
                f"scaled to {target:,.6g}, of which some genes are gone. More cells would settle it. {settle}"
            )
            return _with(found, f"{found.why}, perhaps scaled to {target:,.6g}", target, guess, _OPEN)
        if self.matrix.shape[1] < _WHOLE and sums.max() <= _USUAL:
            guess = (
                f"the sum that cells were scaled to is not known; with so few genes ({self.matrix.shape[1]:,}), read as "
                f"scaled to {_USUAL:,.0f} before genes were left out. {settle}"
            )
            return _with(found, f"{found.why}, perhaps scaled to {_USUAL:,.0f}", _USUAL, guess, _OPEN)
        guess = (
            "the sum that cells were scaled to is not known, as their sums differ (or are few): read as if all genes "
            f"of a cell are here. {settle}"
        )
        return _with(found, f"{found.why}, rows of unequal sum", 0.0, guess, _OPEN if found.exact else _GUESSED)

    def _divided_by_spread(self) -> bool:
        """Whether the standard deviation of (nearly) every gene is 1, as `sc.pp.scale(zero_center=False)` leaves it."""
        n, width = self.matrix.shape
        if n < 20:
            return self._clipped()
        first, second = np.zeros(width), np.zeros(width)
        for _, block in self.matrix.blocks():
            x = block.data.astype(np.float64)
            first += np.bincount(block.indices, x, width)
            second += np.bincount(block.indices, x * x, width)
        spread = np.sqrt(np.maximum(second - first**2 / n, 0) / (n - 1))
        used = spread > 0
        return bool((np.abs(spread[used] - 1) < 2e-3).mean() > 0.5) or self._clipped()

    def _clipped(self) -> bool:
        """Whether most cells hold the same largest value, as clipping (`max_value=`) leaves it."""
        return bool(self.held.sum() > 2 and (self.facts.high[self.held] == self.maximum).mean() > 0.5)

    def _guessed(self) -> DetectedInput:
        """Values that are no multiples of anything: denoised or corrected counts, TPM, or their logs."""
        sums, facts = self.facts.total[self.held], self.facts
        settle = "If raw counts exist, put them in adata.layers['counts'] and prepare again"
        base = self._plausible_base()
        if base is not None and not self.counts.any():
            guess = (
                f"values with decimals, none above {self.maximum:.3g}, which are no log of whole counts: whether a log "
                f"was taken cannot be told. Read as log1p in base {base}. {settle}"
            )
            why = f"values with decimals, none above {self.maximum:.3g}, taken for log1p in base {base}"
            return DetectedInput(LOG, why, BASES[base], level=_GUESSED, guess=guess)
        if _same(sums) and len(sums) > 2:
            at = f"{np.median(sums):,.6g}"
            guess = (
                f"every row sums to {at}, but values are no multiples of a count, as if a log was taken first or the "
                f"values were denoised: read as a linear scale. {settle}"
            )
            return DetectedInput(NORMALISED, f"rows sum to {at}, without whole counts", level=_GUESSED, guess=guess)
        some = (
            "" if self.decimal[self.held].all() else f", beside {int(facts.whole[self.held].sum()):,} cells of counts"
        )
        guess = (
            f"values with decimals up to {self.maximum:,.6g}{some}, such as corrected counts or TPM: read as a linear "
            f"scale, as they seem not to be a log. {settle}"
        )
        why = f"values with decimals up to {self.maximum:,.6g}, rows of unequal sum"
        return DetectedInput(DECIMAL, why, level=_GUESSED, guess=guess)

    def _plausible_base(self) -> str | None:
        """The base whose inverse leaves cells of similar, usual sums; `None` if none does."""
        if self.maximum > _LARGEST_LOG:
            return None
        found = {}
        for name, base in BASES.items():
            log = math.log(base)
            sums = Inverse.of(self.matrix, lambda x, log=log: np.expm1(x * log), 0.0).total[self.decimal]
            spread = float(np.std(np.log10(np.maximum(sums, 1e-9))))
            usual = any(0.2 * t <= np.median(sums) and sums.max() <= 1.2 * t for t in (1e4, 1e5, 1e6))
            if usual and spread < 0.12:
                found[name] = spread
        return min(found, key=lambda k: found[k]) if found else None


def _with(found: DetectedInput, why: str, target: float = 0.0, guess: str = "", level: int = _SURE) -> DetectedInput:
    return DetectedInput(found.kind, why, found.base, target, found.exact, level, guess)


def _same(sums: np.ndarray) -> bool:
    """Whether three cells or more have the same sum."""
    sums = sums[sums > 0]
    return bool(len(sums) > 2 and (sums.max() - sums.min()) / np.median(sums) < 1e-3)
