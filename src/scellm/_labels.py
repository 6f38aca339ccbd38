"""What a label is: one rule for the model, the baselines, the benchmarks and the plots."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

MISSING_WORDS = frozenset(
    {"", "nan", "none", "na", "n/a", "<na>", "null", "nil", "unknown", "unassigned", "unlabeled", "unlabelled"}
    | {"unannotated", "undefined", "undetermined", "unclassified", "not available", "not assigned", "not annotated"}
    | {"no label", "unlabeled cell", "unknown cell", "missing", "?", "-", "--", ".", "not applicable"}
)
"""Words for "no label", in lower case."""

NO_LABEL = ""


@dataclass(frozen=True)
class Labels:
    """The labels of some cells.

    Parameters
    ----------
    names
        Label of each cell, str, "" for none, (cells,).
    words
        How many cells each word for "no label" stood for; "missing values" for NaN, None and empty text.
    """

    names: np.ndarray
    words: dict[str, int]

    @classmethod
    def of(cls, obs: pd.DataFrame, key: str, unlabeled: Any = "Unknown", *, quiet: bool = False) -> Self:
        """Read a column of labels.

        Spaces around a label are cut; whole numbers are written without decimals, so that 3.0 is "3"; missing values,
        `unlabeled`, and words such as "unknown" or "NA" are no labels.

        Parameters
        ----------
        obs
            `adata.obs`.
        key
            Its column.
        unlabeled
            Further word, number or several, for "no label".
        quiet
            Do not warn of words that were taken for "no label", and of labels that differ by case only.

        Returns
        -------
        Labels
            One label a cell.

        Raises
        ------
        KeyError
            If the column does not exist.
        ValueError
            If there are two columns of that name, or they hold numbers with decimals.
        """
        if key not in obs:
            msg = f"{key!r} is not in obs, which holds {list(obs.columns)[:12]}. Pass one of these."
            raise KeyError(msg)
        column = obs[key]
        if isinstance(column, pd.DataFrame):
            msg = f"obs holds {column.shape[1]} columns called {key!r}. Rename all but one."
            raise ValueError(msg)
        codes, values = pd.factorize(column.astype(object), use_na_sentinel=True)
        texts = [_text(v, key) for v in values]
        given = {text.casefold() for text in cls.text_of(unlabeled)}
        none = np.array([t.casefold() in given or t.casefold() in MISSING_WORDS for t in texts], bool)
        names = np.array(
            [NO_LABEL if missing else t for t, missing in zip(texts, none, strict=True)] + [NO_LABEL], object
        )
        n = np.bincount(codes[codes >= 0], minlength=len(values))
        words: dict[str, int] = {}
        for text, missing, cells in zip(texts, none, n, strict=True):
            if missing:
                word = text or "missing values"
                words[word] = words.get(word, 0) + int(cells)
        if (codes < 0).any():
            words["missing values"] = words.get("missing values", 0) + int((codes < 0).sum())
        found = cls(names[codes], words)
        if not quiet:
            found._warn(key, given)
        return found

    @staticmethod
    def text_of(unlabeled: Any) -> list[str]:
        """Words for "no label" that the user gave, as text."""
        return [text for text in (_text(v, "unlabeled_category") for v in _several(unlabeled)) if text]

    @property
    def types(self) -> dict[str, int]:
        """Cells of each label, the most frequent first."""
        names, n = np.unique(self.names[self.names != NO_LABEL].astype(str), return_counts=True)
        return {str(names[i]): int(n[i]) for i in np.argsort(-n, kind="stable")}

    @property
    def n_unlabelled(self) -> int:
        """Cells without a label."""
        return int((self.names == NO_LABEL).sum())

    def describe(self) -> str:
        """The types, how many cells each, and what was taken for unlabelled, in one sentence."""
        types = self.types
        shown = ", ".join(f"{name} ({n:,})" for name, n in list(types.items())[:12])
        more = f" and {len(types) - 12:,} more" if len(types) > 12 else ""
        words = ", ".join(f"{word!r} ({n:,})" for word, n in self.words.items())
        none = f"; {self.n_unlabelled:,} cells unlabelled" + (f": {words}" if words else "")
        return f"{len(types):,} types: {shown}{more}{none}"

    def _warn(self, key: str, given: set[str]) -> None:
        guessed = {w: n for w, n in self.words.items() if w != "missing values" and w.casefold() not in given}
        if guessed:
            found = ", ".join(f"{word!r} ({n:,} cells)" for word, n in guessed.items())
            msg = (
                f"obs[{key!r}]: {found} taken for unlabelled, like missing values. If such a word is a type, rename it."
            )
            warnings.warn(msg, UserWarning, stacklevel=4)
        types = pd.Series(list(self.types), dtype=object)
        alike = types[types.str.casefold().duplicated(keep=False)] if len(types) else types
        if len(alike):
            msg = f"obs[{key!r}] holds types that differ by case only, {sorted(alike)[:4]}: they are learned as two."
            warnings.warn(msg, UserWarning, stacklevel=4)


def _several(unlabeled: Any) -> Iterable[Any]:
    if unlabeled is None or isinstance(unlabeled, str | bytes) or not isinstance(unlabeled, Iterable):
        return [] if unlabeled is None or unlabeled is pd.NA else [unlabeled]
    return list(unlabeled)


def text_of(value: Any) -> str:
    """A value of a column as text, spaces cut; whole numbers without decimals, as a gap makes 1 of a column 1.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _text(value: Any, key: str) -> str:
    if isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_ | numbers.Integral):
        number = float(value)
        if np.isnan(number):
            return NO_LABEL
        if not number.is_integer():
            msg = f"obs[{key!r}] holds numbers with decimals, such as {value}: they are no types. Pass another column."
            raise ValueError(msg)
        return str(int(number))
    return str(value).strip()
