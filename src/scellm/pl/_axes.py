"""Handling of axes, shared by all plots."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes


def axes_or_new(ax: Axes | None, figsize: tuple[float, float]) -> Axes:
    """The given axes, or those of a new figure of this size in inches."""
    return ax if ax is not None else plt.subplots(figsize=figsize, layout="constrained")[1]


def finish(ax: Axes, *, show: bool | None, given: bool, spines: bool = False) -> Axes:
    """Remove the upper and right spines, and show the figure.

    Parameters
    ----------
    ax
        The axes that were drawn on.
    show
        As in scanpy: `None` shows the figure if it is a new one and the session is interactive.
    given
        Whether the user gave the axes.
    spines
        Keep all spines.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.
    """
    if not spines:
        ax.spines[["top", "right"]].set_visible(False)
    if show or (show is None and not given and mpl.is_interactive() and not _is_inline()):
        plt.show()
    return ax


def _is_inline() -> bool:
    """Whether a notebook shows figures by itself, at the end of a cell."""
    return "inline" in mpl.get_backend()
