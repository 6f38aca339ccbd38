"""Views by name."""

from __future__ import annotations

from scellm.data._panels import Panels
from scellm.data._split_counts import SplitCounts
from scellm.data._subsample_genes import SubsampleGenes
from scellm.data._thin import Thin
from scellm.data._view import View, identity

VIEWS: dict[str, View] = {
    "identity": identity,
    "thin": Thin(),
    "subsample": SubsampleGenes(),
    "panels": Panels(),
    "split": SplitCounts(),
}
"""Views by name. To add one, write a function and list it here; any function of the same form can also be passed."""


def get_view(view: str | View) -> View:
    """A view by name, or the function itself; raises ValueError for an unknown name."""
    if callable(view):
        return view
    if view not in VIEWS:
        msg = (
            f"view={view!r} is not known; expected one of {sorted(VIEWS)}, or a function of (Counts, key) that returns "
            "Counts."
        )
        raise ValueError(msg)
    return VIEWS[view]


def name_of_view(view: str | View) -> str:
    """A name that is the same in every process: module and name of a function, or the options of a dataclass."""
    found = get_view(view)
    return f"{found.__module__}.{found.__qualname__}" if hasattr(found, "__qualname__") else repr(found)
