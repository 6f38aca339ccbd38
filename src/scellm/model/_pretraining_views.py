"""The two views of pretraining, as its options name them."""

from __future__ import annotations

from scellm.data import PairedView, View
from scellm.data._views import get_view
from scellm.train import PretrainingConfig
from scellm.train.objectives._registry import cell_objectives


def pretraining_views(config: PretrainingConfig) -> tuple[View, View]:
    """The two views; a paired view is given twice.

    Raises
    ------
    ValueError
        If a view is not known, a paired view is mixed with another, or an objective needs another view.
    """
    first, second = (get_view(view) for view in config.views)
    if first != second and any(isinstance(view, PairedView) for view in (first, second)):
        msg = f"A paired view draws both views and cannot be mixed with another; found view={config.view!r}."
        raise ValueError(msg)
    for name, objective in cell_objectives().items():
        if name in config.objectives and not isinstance(first, type(get_view(objective.view))):
            msg = f"The {name} objective needs view={objective.view!r}; found view={config.view!r}."
            raise ValueError(msg)
    return first, second
