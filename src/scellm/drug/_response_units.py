"""What measured responses are, and how they become ln uM."""

from __future__ import annotations

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
        looks = _looks_like(known)
        if looks and looks != kind and not (kind in {"ln_ic50", "log10_ic50"} and looks == kind):
            msg = (
                f"The responses (median {np.median(known):.3g}, from {known.min():.3g} to {known.max():.3g}) look like "
                f"{_WORDS[looks]}, not like {_WORDS[kind]}. Pass value_kind={looks!r}"
                + (", or take their natural logarithm." if looks == "micromolar" else ".")
            )
            raise ValueError(msg.replace("Pass value_kind='micromolar', or take", "Take"))
    return _converted(numbers, kind)


_WORDS = {
    "ln_ic50": "the natural logarithm of IC50 in uM",
    "log10_ic50": "log10 of IC50 in uM",
    "log10_molar": "log10 of IC50 in mol/l",
    "pic50": "pIC50 (minus log10 of mol/l)",
    "auc": "areas under the curve",
    "micromolar": "IC50 in uM without a logarithm",
}


def _looks_like(known: np.ndarray) -> str | None:
    """The only kind that fits the distribution, or `None` if it is open between the logarithms of uM."""
    low, high, middle = float(known.min()), float(known.max()), float(np.median(known))
    if low >= 0 and high <= 1.5:
        return "auc"
    if low >= 0 and high > 16:
        return "micromolar"
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
