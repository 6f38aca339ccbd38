"""Detect the kind of values in a matrix that holds numbers with decimals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np

from scellm.pp._detected import (
    BASES,
    DECIMAL,
    GUESSED,
    LOG,
    MIXED,
    NORMALISED,
    OPEN,
    SETTLE,
    SURE,
    DetectedInput,
    unusable,
    with_flat_cells,
)
from scellm.pp._matrix import Matrix, SumOfLayers
from scellm.pp._rows import Inverse, RowFacts
from scellm.pp._target import find_target, near_usual

_LARGEST_LOG = 25.0  # ln(1 + 7e10): no log of an expression value is larger
_NEARLY_ALL, _HALF = 0.9, 0.5
_WHOLE, _USUAL = 10_000, 1e4  # genes of a whole transcriptome, at least; the usual target of normalize_total


class Decimals:
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
        self._inverses: dict[float, Inverse] = {}
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
            return with_flat_cells(found, self.facts)
        if self._divided_by_spread():
            return unusable("each gene was divided by its standard deviation (scaled), which cannot be undone")
        roots = Inverse.of(self.matrix, lambda x: np.round(x * x, 2), 0.0)
        if self._share(roots) >= _NEARLY_ALL and (np.abs(roots.unit[self.decimal] - 1) < 1e-2).mean() >= _NEARLY_ALL:
            return unusable("square roots of counts. Square them: adata.layers['counts'] = x.power(2).round()")
        return self._guessed()

    def _inverse(self, base: float) -> Inverse:
        """The values with a log in `base` taken back, or as they are for 0; computed once."""
        if base not in self._inverses:
            invert = _inverse_log(base) if base else _unchanged
            tolerance = 1e-3 if base and self._rounded else 3e-6
            self._inverses[base] = Inverse.of(self.matrix, invert, tolerance)
        return self._inverses[base]

    def _share(self, found: Inverse) -> float:
        """Share of the cells with decimals whose values are multiples of one number."""
        return float(found.multiples[self.decimal].mean())

    @cached_property
    def _rounded(self) -> bool:
        """Whether values were rounded to three decimals when they were stored, as in scanpy's pbmc68k_reduced."""
        block = next(self.matrix.blocks())[1].data.astype(np.float64)
        return bool((np.abs(block * 1e3 - np.round(block * 1e3)) < 1e-3).all())

    def _exact(self) -> DetectedInput | None:
        """A log in some base, or a linear scale, that gives whole multiples; or logs of cells of one sum."""
        shares = {}
        for name, base in BASES.items():
            inverse = self._inverse(base)
            shares[name] = inverse.multiples & (self.facts.high <= _LARGEST_LOG)
            if self.maximum > _LARGEST_LOG:
                continue
            same = _same(inverse.total[self.held])
            enough = _HALF if self._rounded else _NEARLY_ALL  # after rounding, many cells fit no longer
            if self._share(inverse) >= enough or (same and not self.counts.any()):
                found = self._mixed(inverse, f"log1p in base {name}") or self._log(name, base, inverse, same=same)
                return self._with_odd_cells(found, inverse)
        scaled = self._inverse(0.0)
        if self._share(scaled) >= _NEARLY_ALL:
            return self._with_odd_cells(self._mixed_scales(scaled) or self._scaled(scaled), scaled)
        covered = np.any([scaled.multiples, *shares.values()], axis=0)
        return self._by_cell() if covered[self.decimal].all() else None

    def _with_odd_cells(self, found: DetectedInput, inverse: Inverse) -> DetectedInput:
        """Add a guess if a few cells give no whole counts, where all others do."""
        odd = self.tellable & self.decimal & ~inverse.multiples
        if not odd.any() or not found.exact or found.guess or found.kind == MIXED:
            return found
        first = int(np.flatnonzero(odd)[0])
        guess = (
            f"{int(odd.sum()):,} cells, the first of them {self.matrix.cell(first)}, give no whole counts, as "
            f"the others do: read like the others. {SETTLE}"
        )
        return replace(found, guess=guess)

    def _mixed(self, inverse: Inverse, form: str) -> DetectedInput | None:
        """Refuse cells of another form beside the others."""
        # whole numbers are multiples in base 2 too, but the log of scaled counts is whole in no cell
        scaled = (np.abs(inverse.unit[self.decimal] - 1) > 1e-3).mean() > 0.5
        wrong = self.counts & (~inverse.multiples | scaled | (self.facts.high > self.maximum))
        elsewhere, astray = self._of_other_form(inverse)
        if not wrong.any() and not elsewhere.any() and not astray.any():
            return None
        if (inverse.multiples | wrong | elsewhere)[self.held].all():
            return self._by_cell()
        other = "counts" if wrong.any() else "another form"
        return self._differ(wrong | elsewhere | astray, form, other)

    def _differ(self, wrong: np.ndarray, form: str, other: str) -> DetectedInput:
        first = int(np.flatnonzero(wrong)[0])
        return unusable(
            f"cells differ (a mixture): {int((self.held & ~wrong).sum()):,} hold {form} and {int(wrong.sum()):,} hold "
            f"{other} (the first of those is {self.matrix.cell(first)}). Bring all to counts, or prepare them apart"
        )

    def _mixed_scales(self, inverse: Inverse) -> DetectedInput | None:
        """As `_mixed`; counts beside scaled counts are no harm, as both are linear."""
        elsewhere, astray = self._of_other_form(inverse)
        if not elsewhere.any() and not astray.any():
            return None
        if (inverse.multiples | elsewhere | self.facts.whole)[self.held].all():
            return self._by_cell()
        return self._differ(elsewhere | astray, "scaled counts", "another form")

    def _by_cell(self) -> DetectedInput:
        """Cells differ, but the counts of each come back exactly."""
        n = int(self.counts.sum())
        guess = (
            f"cells differ (a mixture): {n:,} hold counts, the others logs in several bases, or scaled counts: each "
            "was taken back to its own counts. Bring all to counts to settle it."
        )
        why = "cells of different forms, each of which gives whole counts"
        return DetectedInput(MIXED, why, exact=True, level=OPEN, guess=guess)

    def _of_other_form(self, inverse: Inverse) -> tuple[np.ndarray, np.ndarray]:
        """Cells that are no multiples in this form but in another; and those in none, of another sum than the rest."""
        failing = self.tellable & self.decimal & ~inverse.multiples
        if not failing.any():
            return failing, failing
        small = self.facts.high <= _LARGEST_LOG
        logs = [small & self._inverse(base).multiples for base in BASES.values()]
        elsewhere = np.any([self._inverse(0.0).multiples, *logs], axis=0)
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
            found = DetectedInput(LOG, f"{form}; inverted, rows sum to {at:,.6g}", base, exact=exact)
            if exact or self._rounded:
                return found
            guess = f"cells have one sum, but give no whole counts, as TPM or denoised values: read as shares. {SETTLE}"
            return replace(found, guess=guess, level=OPEN)
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
        alone = sums.size < 3 and near_usual(sums).all()
        if alone or _sharing(sums) >= max(3, 0.1 * len(sums)):  # of part of the genes, no two cells have one sum
            return _with(found, f"{found.why}, {_sharing(sums):,} cells of one sum: all genes are here")
        tellable = self.tellable & inverse.multiples
        unscaled = int((np.abs(unit[tellable] - 1) < 1e-4).sum()) > 1
        target, few = (0.0, True) if unscaled or not found.exact else find_target(sums, unit[tellable])
        if target and self._all_columns_sum_to_one(found.base):
            return _with(found, f"{found.why}, cells were scaled with columns that are no genes: all genes are here")
        if target and not few:
            return _with(
                found, f"{found.why}, cells were scaled to {target:,.6g}, of which some genes are gone", target
            )
        if target:
            guess = (
                f"the sum that cells were scaled to is not known, as {len(unit[tellable])} cells leave it open: read "
                f"as scaled to {target:,.6g}, of which some genes are gone. More cells would settle it. {SETTLE}"
            )
            return _with(found, f"{found.why}, perhaps scaled to {target:,.6g}", target, guess, OPEN)
        if self.matrix.shape[1] < _WHOLE and sums.max() <= _USUAL and not found.exact:  # else 10,000 is refuted
            guess = (
                f"the sum that cells were scaled to is not known; with so few genes ({self.matrix.shape[1]:,}), read "
                f"as scaled to {_USUAL:,.0f} before genes were left out. {SETTLE}"
            )
            return _with(found, f"{found.why}, perhaps scaled to {_USUAL:,.0f}", _USUAL, guess, OPEN)
        guess = (
            "the sum that cells were scaled to is not known, as their sums differ (or are few): read as if all genes "
            f"of a cell are here. {SETTLE}"
        )
        return _with(found, f"{found.why}, rows of unequal sum", 0.0, guess, OPEN if found.exact else GUESSED)

    def _all_columns_sum_to_one(self, base: float) -> bool:
        """Whether cells have one sum together with antibodies, peaks, ..., which are left out of the genes."""
        if self.matrix.features.is_gene.all() or isinstance(self.matrix, SumOfLayers):
            return False
        invert = _inverse_log(base) if base else _unchanged
        sums = Inverse.of(self.matrix.with_all_columns(), invert, 0.0).total
        return bool(_sharing(sums[sums > 0]) >= max(2, 0.5 * (sums > 0).sum()))

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
        base = self._plausible_base()
        if base is not None and not self.counts.any():
            guess = (
                f"values with decimals, none above {self.maximum:.3g}, which are no log of whole counts: whether a log "
                f"was taken is not known. Read as log1p in base {base}. {SETTLE}"
            )
            why = f"values with decimals, none above {self.maximum:.3g}, taken for log1p in base {base}"
            return DetectedInput(LOG, why, BASES[base], level=GUESSED, guess=guess)
        if _same(sums):
            at = f"{np.median(sums):,.6g}"
            guess = (
                f"every row sums to {at}, but values are no multiples of a count, as if a log was taken first or the "
                f"values were denoised: read as a linear scale. {SETTLE}"
            )
            return DetectedInput(NORMALISED, f"rows sum to {at}, without whole counts", level=GUESSED, guess=guess)
        some = (
            "" if self.decimal[self.held].all() else f", beside {int(facts.whole[self.held].sum()):,} cells of counts"
        )
        guess = (
            f"values with decimals up to {self.maximum:,.6g}{some}, such as corrected counts or TPM: read as a linear "
            f"scale, as they seem not to be a log. {SETTLE}"
        )
        why = f"values with decimals up to {self.maximum:,.6g}, rows of unequal sum"
        return DetectedInput(DECIMAL, why, level=GUESSED, guess=guess)

    def _plausible_base(self) -> str | None:
        """The base whose inverse leaves cells of similar, usual sums; `None` if none does."""
        if self.maximum > _LARGEST_LOG:
            return None
        found = {}
        for name, base in BASES.items():
            sums = self._inverse(base).total[self.decimal]
            spread = float(np.std(np.log10(np.maximum(sums, 1e-9))))
            usual = any(0.2 * t <= np.median(sums) and sums.max() <= 1.2 * t for t in (1e4, 1e5, 1e6))
            if usual and spread < 0.12:
                found[name] = spread
        return min(found, key=lambda k: found[k]) if found else None


def _unchanged(x: np.ndarray) -> np.ndarray:
    return x


def _inverse_log(base: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.expm1(x * math.log(base))


def _with(found: DetectedInput, why: str, target: float = 0.0, guess: str = "", level: int = SURE) -> DetectedInput:
    return replace(found, why=why, target=target, level=level, guess=guess)


def _sharing(sums: np.ndarray) -> int:
    """How many cells have the most frequent sum, to one part in ten thousand."""
    ordered = np.sort(sums)
    return int((np.searchsorted(ordered, ordered * (1 + 1e-4), side="right") - np.arange(len(ordered))).max(initial=0))


def _same(sums: np.ndarray) -> bool:
    """Whether three cells or more have the same sum."""
    sums = sums[sums > 0]
    return bool(len(sums) > 2 and (sums.max() - sums.min()) / np.median(sums) < 1e-3)
