"""What measured responses are, and how they become ln uM."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

_LN10, _LN_MICRO = np.log(10.0), np.log(1e6)
KINDS = ("ln_ic50", "log10_ic50", "log10_molar", "pic50", "auc")

_ENOUGH = 20  # values from which on their distribution is looked at


def checked_values(values: pd.Series, kind: str, names: pd.DataFrame) -> np.ndarray:
    """Responses in ln uM, or AUC as it is.

    Parameters
    ----------
    values
        As measured.
    kind
        One of `KINDS`.
    names
        Line and drug of each, for messages.

    Returns
    -------
    numpy.ndarray
        float64; NaN where missing.

    Raises
    ------
    ValueError
        If a value is no number or infinite, or the values cannot be of this kind; the message says what they look like.
    """
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64)
    wrong = (np.isnan(numbers) & values.notna().to_numpy()) | np.isinf(numbers)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        pair = " and ".join(str(v) for v in names.iloc[at])
        msg = f"{int(wrong.sum()):,} responses are no finite numbers, such as {values.iloc[at]} of {pair}."
        raise ValueError(msg)
    known = numbers[np.isfinite(numbers)]
    if len(known) >= _ENOUGH:
        _check_kind(known, kind)
    return _converted(numbers, kind)


_WORDS = {
    "ln_ic50": "the natural logarithm of IC50 in uM",
    "log10_ic50": "log10 of IC50 in uM",
    "log10_molar": "log10 of IC50 in mol/l",
    "pic50": "pIC50 (minus log10 of mol/l)",
    "auc": "areas under the curve",
}
_CONCENTRATIONS = {"mol/l": 1e-6, "nM": 1000.0, "uM": 1.0}


def _check_kind(known: np.ndarray, kind: str) -> None:
    """Raise ValueError if the values cannot be of a kind; warn if they may be concentrations."""
    found = f"The responses (median {np.median(known):.3g}, from {known.min():.3g} to {known.max():.3g})"
    unit = _concentration(known)
    if unit is not None and not (kind == "auc" and unit != "mol/l"):
        msg = (
            f"{found} look like concentrations in {unit}, not like {_WORDS[kind]}. Pass the natural logarithm of the "
            f"values in uM: np.log(values / {_CONCENTRATIONS[unit]:g})."
        )
        raise ValueError(msg)
    looks = _looks_like(known)
    if (looks is not None and looks != kind and kind != "auc") or not _possible(known, kind):
        hint = f" Pass value_kind={looks!r}." if looks not in {None, kind} else ""
        as_what = f" look like {_WORDS[looks]}," if looks not in {None, kind} else " are"
        msg = f"{found}{as_what} not {'like ' if looks not in {None, kind} else ''}{_WORDS[kind]}.{hint}"
        raise ValueError(msg)
    if kind in {"ln_ic50", "log10_ic50"} and known.min() >= 0 and len(known) >= 5 * _ENOUGH:
        msg = (
            f"{found} were read as {_WORDS[kind]}, though none is below 0: IC50 itself, and its logarithm in nM, would "
            "look so. If it is either, convert it first."
        )
        warnings.warn(msg, UserWarning, stacklevel=5)


def _concentration(known: np.ndarray) -> str | None:
    """Unit of values that are concentrations: none is negative, and some are too large or all too small for a log."""
    if known.min() < 0:
        return None
    if known.max() < 0.02:
        return "mol/l"
    return None if known.max() <= 20 else "nM" if np.median(known) > 300 else "uM"


def _possible(known: np.ndarray, kind: str) -> bool:
    """Whether values can be of a kind."""
    low, high, middle = float(known.min()), float(known.max()), float(np.median(known))
    return {
        "ln_ic50": -25 < middle < 25,
        "log10_ic50": high - low < 10 and -8 < middle < 5,
        "log10_molar": middle < -2 and high < 2,
        "pic50": low > -1 and 2 < middle < 12,
        "auc": low >= 0,
    }[kind]


def _looks_like(known: np.ndarray) -> str | None:
    """The only kind that fits the distribution, or `None` if it is open between the logarithms of uM."""
    low, high, middle = float(known.min()), float(known.max()), float(np.median(known))
    if low >= 0 and high <= 1.5:
        return "auc"
    if middle < -3.5 and high < 0.5:
        return "log10_molar"
    if low > 2 and 4 <= middle <= 9 and high < 13 and known.std() < 1.6:
        return "pic50"
    return None


def _converted(numbers: np.ndarray, kind: str) -> np.ndarray:
    if kind == "log10_ic50":
        return numbers * _LN10
    if kind == "log10_molar":
        return numbers * _LN10 + _LN_MICRO
    if kind == "pic50":
        return -numbers * _LN10 + _LN_MICRO
    return numbers
