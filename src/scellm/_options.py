"""Checks of options, shared by every configuration."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import fields
from difflib import get_close_matches
from numbers import Real
from typing import Any, TypeVar

Config = TypeVar("Config")

_ELSEWHERE = {
    "n_epochs": "max_epochs",
    "epochs": "max_epochs",
    "learning_rate": "lr",
    "use_gpu": "accelerator",
    "early_stopping_patience": "patience",
    "batch_key": "",
    "n_hidden": "dim",
    "n_layers": "depth",
    "n_heads": "heads",
    "dropout_rate": "dropout",
    "train_size": "validation_size",
    "categorical_covariate_keys": "",
    "continuous_covariate_keys": "",
    "size_factor_key": "",
    "accelerator": "",
    "max_epoch": "max_epochs",
    "plan_kwargs": "",
}
"""Name of an option in other packages, and its name here; "" if scellm has no such option."""


def checked(config: type[Config], options: Mapping[str, Any], owner: str, others: Collection[str] = ()) -> Config:
    """Make a configuration from options by name.

    Parameters
    ----------
    config
        A dataclass.
    options
        Values of its fields.
    owner
        Name of the call that takes the options, for the message.
    others
        Names of other options that the call takes.

    Returns
    -------
    object
        The configuration; fields that are not in `options` have their defaults.

    Raises
    ------
    TypeError
        If an option is not known; the message lists similar names.
    """
    known = [f.name for f in fields(config)]  # type: ignore[arg-type]
    unknown = [k for k in options if k not in known]
    if unknown:
        raise TypeError(unknown_option(unknown[0], [*known, *others], owner))
    return config(**options)


def unknown_option(name: str, known: Collection[str], owner: str) -> str:
    """Message for an unknown option, with a suggestion."""
    ours = _ELSEWHERE.get(name)
    if name in {"batch_key", "categorical_covariate_keys", "continuous_covariate_keys"}:
        hint = "A cell's embedding depends on that cell alone, so there is no batch or covariate to name."
    elif ours in known:
        hint = f"Here it is called {ours!r}."
    else:
        near = get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"Similar names: {near}." if near else f"Its options are {sorted(known)}."
    return f"{owner} takes no option {name!r}. {hint}"


def refuse_unknown(options: Mapping[str, Any], known: Collection[str], owner: str) -> None:
    """Raise TypeError for the options of other packages; those that scvi-tools itself passes are let through."""
    internal = {"source_registry", "allow_missing_labels", "extend_categories", "transfer_kwargs"}
    unknown = [k for k in options if k not in internal]
    if unknown:
        raise TypeError(unknown_option(unknown[0], known, owner))


def one_of(name: str, value: Any, allowed: Collection[Any]) -> None:
    """Raise ValueError unless `value` is one of `allowed`."""
    if value not in list(allowed):  # a list: the value may not be hashable
        msg = f"{name}={value!r} is not known; expected one of {list(allowed)}."
        raise ValueError(msg)


def in_range(
    name: str,
    value: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    open_low: bool = False,
    open_high: bool = False,
    whole: bool = False,
) -> None:
    """Raise ValueError unless `value` is a number between `low` and `high`.

    Parameters
    ----------
    name, value
        The option.
    low, high
        Smallest and largest allowed value; `None` for no limit.
    open_low, open_high
        Whether the limits themselves are excluded.
    whole
        Whether it must be a whole number.
    """
    number = isinstance(value, Real) and not isinstance(value, bool)  # numpy's numbers are real ones too
    number = number and math.isfinite(value)
    fits = number and (not whole or value == int(value))
    if fits and low is not None:
        fits = value > low if open_low else value >= low
    if fits and high is not None:
        fits = value < high if open_high else value <= high
    if fits:
        return
    kind = "a whole number" if whole else "a number"
    lower = "" if low is None else f" {'above' if open_low else 'of at least'} {low:g}"
    upper = "" if high is None else f" {'below' if open_high else 'of at most'} {high:g}"
    join = " and" if lower and upper else ""
    msg = f"{name} must be {kind}{lower}{join}{upper}; found {value!r}."
    raise ValueError(msg)


def jsonable(value: Any) -> Any:
    """Convert to a plain value: tuples to lists, functions to import paths, other objects to their `repr`."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    return f"{value.__module__}.{value.__qualname__}" if hasattr(value, "__qualname__") else repr(value)
