"""Compare the tensors of a file with those that a module has."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Size

Shapes = Mapping[str, Size | tuple[int, ...]]


def misfits(given: Shapes, wanted: Shapes) -> dict[str, list[str]]:
    """List the tensors that do not fit.

    Parameters
    ----------
    given
        Names and shapes of a file.
    wanted
        Those expected.

    Returns
    -------
    dict
        Names that are "missing", "not known", or "of another shape" (with both shapes); empty lists are left out.
    """
    both = sorted(set(given) & set(wanted))
    found = {
        "missing": sorted(set(wanted) - set(given)),
        "not known": sorted(set(given) - set(wanted)),
        "of another shape": [
            f"{k} {tuple(given[k])}, expected {tuple(wanted[k])}" for k in both if tuple(given[k]) != tuple(wanted[k])
        ],
    }
    return {what: names for what, names in found.items() if names}


def shapes_of(state: Mapping[str, torch.Tensor]) -> dict[str, Size]:
    """Names to shapes."""
    return {k: v.shape for k, v in state.items()}


def describe(found: Mapping[str, list[str]], most: int = 4) -> str:
    """The output of :func:`misfits` in one line, with examples."""
    more = lambda names: f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(f"{what}: {names[:most]}{more(names)}" for what, names in found.items())
