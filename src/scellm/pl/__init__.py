"""Plots: an AnnData or a model in, matplotlib Axes out."""

from scellm.pl._confusion import confusion
from scellm.pl._history import history

__all__ = ["confusion", "history"]
