"""How a method is made, as a hash that changes with it."""

from __future__ import annotations

import functools
import sys
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import joblib
import numpy as np
import pandas as pd

_PACKAGES = {"numpy", "pandas", "scipy", "sklearn", "torch", "scanpy", "scvi", "anndata", "lightning"}


def describe(make: Any) -> str:
    """A hash of a function or class: its code, values that it has taken in, and what it names in its own file.

    Helpers and classes of the same file are followed; arrays and models that it holds are hashed. Code of other files
    is known by the versions of packages alone.

    Parameters
    ----------
    make
        What makes a method.

    Returns
    -------
    str
        The same in every process for the same code and values.

    Raises
    ------
    ValueError
        If it holds something whose contents cannot be hashed, such as an open file.
    """
    return str(joblib.hash(_parts(make, set())))


def _parts(thing: Any, seen: set[int]) -> Any:
    """Plain values that stand for a thing; what is met twice is named once."""
    if id(thing) in seen:
        return "again"
    if isinstance(thing, FunctionType | MethodType | functools.partial | type):
        seen = seen | {id(thing)}
    if isinstance(thing, functools.partial):
        return "partial", *(_parts(x, seen) for x in (thing.func, thing.args, thing.keywords))
    if isinstance(thing, MethodType):
        return "method", _parts(thing.__func__, seen), _parts(thing.__self__, seen)
    if isinstance(thing, FunctionType):
        return _function(thing, seen)
    if isinstance(thing, type):
        return thing.__module__, thing.__qualname__, [_class(c, seen) for c in thing.__mro__]
    if isinstance(thing, list | tuple):
        return type(thing).__name__, *(_parts(x, seen) for x in thing)
    if isinstance(thing, dict):
        return "dict", *((str(k), _parts(v, seen)) for k, v in sorted(thing.items(), key=lambda kv: str(kv[0])))
    return _value(thing)


def _value(thing: Any) -> Any:
    if isinstance(thing, ModuleType):
        return thing.__name__
    try:
        return str(joblib.hash(thing))
    except Exception as error:
        msg = (
            f"A method holds {type(thing).__name__}, whose contents cannot be compared between runs ({error}). Make it "
            "inside the function that makes the method, or pass cache=None."
        )
        raise ValueError(msg) from error


def _class(cls: type, seen: set[int]) -> tuple:
    """Methods and plain values of a class; of a class of another package its name."""
    if cls.__module__.split(".")[0] in sys.stdlib_module_names or cls.__module__.split(".")[0] in _PACKAGES:
        return (cls.__qualname__,)
    own = [(k, _function(v, seen)) for k, v in vars(cls).items() if isinstance(v, FunctionType)]
    values = [(k, v) for k, v in vars(cls).items() if isinstance(v, int | float | str | tuple)]
    return own, [x for x in values if not x[0].startswith("__")]


def _function(function: FunctionType, seen: set[int]) -> tuple:
    """Code, values that were taken in, defaults, and the helpers and values of the same file that it names."""
    held = [_parts(cell.cell_contents, seen) for cell in function.__closure__ or () if _is_filled(cell)]
    defaults = _parts((function.__defaults__, function.__kwdefaults__), seen)
    named = [n for n in _names(function.__code__) if n in function.__globals__]
    around = [(n, _parts(function.__globals__[n], seen)) for n in named if _is_ours(function, function.__globals__[n])]
    return _code(function.__code__), held, defaults, around


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return False
    return True


def _is_ours(function: FunctionType, thing: Any) -> bool:
    """Whether a global belongs to the file or notebook of the function; those of packages change with their version."""
    if isinstance(thing, FunctionType | type):
        return thing.__module__ == function.__module__
    return isinstance(thing, int | float | str | bytes | tuple | list | dict | np.ndarray | pd.DataFrame | pd.Series)


def _names(code: CodeType) -> list[str]:
    """All names in a function and the functions inside it."""
    inner = [n for c in code.co_consts if isinstance(c, CodeType) for n in _names(c)]
    return sorted({*code.co_names, *inner})


def _code(code: CodeType) -> tuple:
    """A function's instructions without its place in a file, which changes with every cell of a notebook."""
    constants = tuple(
        _code(c) if isinstance(c, CodeType) else sorted(map(repr, c)) if isinstance(c, frozenset) else repr(c)
        for c in code.co_consts  # the order of a set changes from process to process
    )
    return code.co_code.hex(), constants, code.co_names
