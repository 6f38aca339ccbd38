"""Plots: an AnnData or a model in, matplotlib Axes out."""

from scellm.pl._attention import attention
from scellm.pl._confusion import confusion
from scellm.pl._gene_neighbors import gene_neighbors
from scellm.pl._history import history
from scellm.pl._scoreboard import scoreboard
from scellm.pl._screen import screen

__all__ = ["attention", "confusion", "gene_neighbors", "history", "scoreboard", "screen"]
