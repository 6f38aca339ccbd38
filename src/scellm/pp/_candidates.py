"""Choose the matrix to read among all those of an AnnData, by holding them against each other."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp

from scellm.pp._detect import detect
from scellm.pp._detected import EMPTY, OPEN, SURE, DetectedInput
from scellm.pp._linear import linear
from scellm.pp._matrix import Matrix, SumOfLayers

_COMPARED = 256  # cells on which two matrices are compared
_PART = re.compile(r"(^|[^a-z])(un)?spliced|ambiguous|nascent|mature|spanning|intron|exon", re.IGNORECASE)
_NOT_THE_CELLS = re.compile(
    r"ambient|denoise|background|soup|posterior|imput|magic|smooth|empty|(^|[^a-z])(bin|rank|mask)", re.I
)
_PREFERRED = re.compile(
    r"^(raw|rna|umi|x|gex)?[_ .-]?(counts?|matrix|umis?|raw)([_ .-]?(raw|rna|umi))?$", re.IGNORECASE
)


@dataclass(frozen=True)
class Candidate:
    """A matrix, the kind of its values, and why it is not read.

    Parameters
    ----------
    matrix
        The matrix.
    detected
        The kind of its values.
    verdict
        Why it is read, or not; "" before the choice.
    """

    matrix: Matrix
    detected: DetectedInput
    verdict: str = ""

    @property
    def name(self) -> str:
        """Name of the matrix, without "layers/"."""
        return self.matrix.name.removeprefix("layers/")

    def counts(self, rows: np.ndarray) -> sp.csr_matrix:
        """Counts (or values proportional to them) of some cells."""
        return linear(self.matrix.rows(rows), self.detected)[0]


@dataclass(frozen=True)
class Choice:
    """The matrix that is read, all others with the reason why not, and what was guessed.

    Parameters
    ----------
    best
        The candidate that is read; `None` if none can be.
    others
        All others.
    guess
        What was guessed and what would settle it; "" if nothing was.
    """

    best: Candidate | None
    others: list[Candidate]
    guess: str = ""


Found = tuple[Candidate, list[Candidate], str]
"""The matrix that is read, others with verdicts, and what was guessed."""


def judge(matrices: list[Matrix]) -> list[Candidate]:
    """Detect the kind of values of each matrix."""
    return [Candidate(m, detect(m)) for m in matrices]


def choose(candidates: list[Candidate]) -> Choice:
    """Choose the matrix to read.

    Values that prove themselves come first. A log of whole counts that inverts exactly proves which matrix of whole
    numbers holds its counts; the others are masks, ranks, bins or parts, and lose. Among matrices that agree, the one
    with most genes is read, and counts before their logs. If nothing proves anything, names decide, and a warning says
    so.

    Parameters
    ----------
    candidates
        In the order X, layers, raw.

    Returns
    -------
    Choice
        The best, and the others with reasons.
    """
    usable = [c for c in candidates if c.detected.usable]
    if not usable:
        return Choice(None, list(candidates))
    pool = _of_the_cells(usable)
    proof = next((c for c in _by_rank(pool) if _proves(c) and not _is_part(c)), None)
    best, judged, guess = _proven(proof, pool) if proof is not None else _unproven(pool)
    reasons = {c.matrix.name: c.verdict for c in judged}
    rest = [c for c in candidates if c.matrix.name != best.matrix.name]
    others = [replace(c, verdict=reasons.get(c.matrix.name) or _reason(c, best)) for c in rest]
    doubt = "" if guess or proof is not None else _doubt(best, usable)
    return Choice(best, others, " ".join(g for g in (guess, doubt, best.detected.guess) if g))


def _doubt(best: Candidate, usable: list[Candidate]) -> str:
    """Whole numbers in a layer that nothing proves to be counts, if their name or another matrix speaks against it."""
    if not best.detected.is_counts or not best.matrix.name.startswith("layers/") or _PREFERRED.match(best.name):
        return ""
    other = next((c for c in usable if not c.detected.is_counts), None)
    if other is None and not _NOT_THE_CELLS.search(best.name):
        return ""
    beside = f", beside {other.detected.kind} in adata.{other.matrix.name}" if other is not None else ""
    return (
        f"nothing proves that adata.{best.matrix.name} holds the counts{beside}. If it does, call it 'counts', or pass "
        f"layer={best.name!r}."
    )


def _reason(candidate: Candidate, best: Candidate) -> str:
    if not candidate.detected.usable:
        return "cannot be read"
    if candidate.detected.level < best.detected.level:
        return f"less certain than {best.matrix.name}"
    return f"no better than {best.matrix.name}"


def _of_the_cells(pool: list[Candidate]) -> list[Candidate]:
    """Leave out what the cells did not express (ambient, empty matrices, ...) while another is left."""
    for out in (
        lambda c: c.detected.level == EMPTY,
        lambda c: c.matrix.name.startswith("layers/") and bool(_NOT_THE_CELLS.search(c.name)),
    ):
        left = [c for c in pool if not out(c)]
        pool = left or pool
    return pool


def _proves(candidate: Candidate) -> bool:
    """Whether the counts of a log, or of scaled values, are had back exactly."""
    return candidate.detected.exact and not candidate.detected.is_counts and candidate.detected.level >= OPEN


def _is_part(candidate: Candidate) -> bool:
    """Whether a layer is a part of the counts, by its name."""
    return candidate.matrix.name.startswith("layers/") and bool(_PART.search(candidate.name))


def _by_rank(pool: list[Candidate]) -> list[Candidate]:
    """The most certain first; of equals the one with most genes, counts before logs, in the order of the AnnData."""
    return sorted(pool, key=lambda c: (-c.detected.level, -c.matrix.shape[1], not c.detected.is_counts))


def _proven(proof: Candidate, pool: list[Candidate]) -> Found:
    """Read the counts behind an exact log: themselves if they are there."""
    rows = _rows(proof)
    agree, differ = [proof], list[Candidate]()
    for c in pool:
        if c is proof or not (c.detected.is_counts or _proves(c)):
            continue
        (agree if _proportional(c, proof, rows) else differ).append(c)
    most = max(c.matrix.shape[1] for c in agree)
    widest = [c for c in agree if c.matrix.shape[1] == most]
    best = min(widest, key=lambda c: (not c.detected.is_counts, -c.detected.level))
    if best.detected.target and any(c.detected.target == 0 for c in widest):
        best = next(c for c in widest if c.detected.target == 0)
    own = lambda c: c.name in {"X", "raw"} or _PREFERRED.match(c.name)
    named = [c for c in differ if c.detected.is_counts and own(c) and c.detected.level == SURE]
    guess = ""
    if named:
        guess = (
            f"adata.{named[0].matrix.name} holds other counts than those behind adata.{proof.matrix.name}: read the "
            f"latter. If the former are meant, pass layer={named[0].name!r}."
        )
    reasons = [replace(c, verdict=f"not the counts behind {proof.matrix.name}") for c in differ]
    return best, reasons, guess


def _unproven(pool: list[Candidate]) -> Found:
    """Without an exact log: the most certain values, then names, then the largest sum."""
    top = max(c.detected.level for c in pool)
    equals = [c for c in pool if c.detected.level == top]
    if not equals[0].detected.is_counts:
        return _of_guesses(equals), [], ""
    parts = [c for c in equals if _is_part(c)]
    whole = [c for c in equals if c not in parts]
    if not whole:
        return _of_parts(parts)
    return _of_counts(whole, parts)


def _of_guesses(equals: list[Candidate]) -> Candidate:
    """Linear values before logs; a name for counts before others."""
    order = {"counts": 0, "mixed": 1, "counts with decimals": 2, "log1p": 3, "normalised": 4}
    return min(equals, key=lambda c: (not _PREFERRED.match(c.name), order[c.detected.kind]))


def _of_parts(parts: list[Candidate]) -> Found:
    """Only spliced, unspliced, ... counts: their sum."""
    if len(parts) == 1:
        return parts[0], [], f"adata.{parts[0].matrix.name} may be a part of the counts only, by its name."
    total = SumOfLayers([c.matrix for c in parts])
    names = [c.name for c in parts]
    guess = (
        f"the layers {names} are parts of the counts: read their sum. If one of them is meant, pass layer={names[0]!r}."
    )
    return Candidate(total, detect(total)), [replace(c, verdict="a part of the sum") for c in parts], guess


def _of_counts(whole: list[Candidate], parts: list[Candidate]) -> Found:
    """Several matrices of whole numbers: those that agree are one; of others, name and sum decide, with a warning."""
    best = min(whole, key=lambda c: (not _PREFERRED.match(c.name), -_sum(c)))
    rows = _rows(best)
    agree = [c for c in whole if c is best or _proportional(c, best, rows)]
    widest = max(c.matrix.shape[1] for c in agree)
    best = next(c for c in agree if c.matrix.shape[1] == widest)
    differ = [c for c in whole if c not in agree]
    partial = [replace(c, verdict="a part of the counts, by its name") for c in parts]
    if not differ:
        return best, partial, _equal_to_a_part(best, parts, rows)
    names = [c.name for c in [best, *differ]]
    guess = (
        f"several matrices hold different counts, {names}: read adata.{best.matrix.name}. To read another, pass "
        f"layer={differ[0].name!r}."
    )
    return best, [*(replace(c, verdict="other counts") for c in differ), *partial], guess


def _equal_to_a_part(best: Candidate, parts: list[Candidate], rows: np.ndarray) -> str:
    same = [c for c in parts if _proportional(c, best, rows)]
    if not same or len(parts) == 1:
        return ""
    return (
        f"adata.{best.matrix.name} holds the same counts as the layer {same[0].name!r}, a part of all: read as it is. "
        f"For all counts, add the layers {[c.name for c in parts]} into one."
    )


def _sum(candidate: Candidate) -> float:
    return float(sum(block.data.sum(dtype=np.float64) for _, block in candidate.matrix.blocks()))


def _rows(candidate: Candidate) -> np.ndarray:
    """Cells to compare, spread over the data."""
    n = candidate.matrix.shape[0]
    return np.unique(np.linspace(0, n - 1, min(n, _COMPARED)).astype(int))


def _proportional(one: Candidate, other: Candidate, rows: np.ndarray) -> bool:
    """Whether two matrices hold the same counts on the genes that both have, up to one factor a cell."""
    a, b = one.counts(rows), other.counts(rows)
    if one.matrix.var is not other.matrix.var and not one.matrix.var.index.equals(other.matrix.var.index):
        index, ours = one.matrix.var.index, other.matrix.var.index
        if not index.is_unique or not ours.is_unique:
            return a.shape == b.shape and _same_rows(a, b)
        shared = index.intersection(ours)
        if not len(shared):  # other names for the same genes: recognised by their places, if the shapes agree
            return a.shape == b.shape and _same_rows(a, b)
        a, b = a[:, index.get_indexer(shared)], b[:, ours.get_indexer(shared)]
    return _same_rows(a, b)


def _same_rows(a: sp.csr_matrix, b: sp.csr_matrix) -> bool:
    sum_a, sum_b = (np.asarray(x.sum(axis=1, dtype=np.float64)).ravel() for x in (a, b))
    held = (sum_a > 0) | (sum_b > 0)
    if not held.any():
        return False
    scale_a, scale_b = (sp.diags(1 / np.where(s > 0, s, 1.0)) for s in (sum_a, sum_b))
    off = abs(scale_a @ a - scale_b @ b).max(axis=1).toarray().ravel()
    largest = (scale_a @ a).max(axis=1).toarray().ravel()
    return bool((off[held] <= 1e-3 * np.maximum(largest[held], 1e-12)).mean() >= 0.99)
