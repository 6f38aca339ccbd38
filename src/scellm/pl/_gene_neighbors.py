"""The nearest genes of a gene."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from scellm.tl import gene_neighbors as nearest

if TYPE_CHECKING:
    from scellm.model import CellLM


def gene_neighbors(
    model: CellLM | pd.DataFrame, gene: str, *, n_neighbors: int = 10, ax: Axes | None = None, show: bool | None = None
) -> Axes:
    """The nearest genes of a gene and how near they are; the table is :func:`scellm.tl.gene_neighbors`.

    Parameters
    ----------
    model
        A model, or gene vectors.
    gene
        By any identifier that :func:`scellm.pp.prepare` knows.
    n_neighbors
        How many.
    ax
        Where to draw.
    show
        Call `plt.show()`.

    Returns
    -------
    matplotlib.axes.Axes
        With a line and a dot a neighbour, the nearest on top.

    Raises
    ------
    KeyError
        If the gene is not known or has no vector.

    Examples
    --------
    >>> scellm.pl.gene_neighbors(model, "CD3E")
    """
    table = nearest(model, gene, n_neighbors=n_neighbors)
    size = (3.5, 0.6 + 0.25 * len(table))
    ax = ax if ax is not None else plt.subplots(figsize=size, layout="constrained")[1]
    at = np.arange(len(table))[::-1]
    ax.hlines(at, min(0, table["similarity"].min()), table["similarity"], color="0.8", linewidth=1.5)
    ax.plot(table["similarity"], at, "o", markersize=6)
    ax.set_yticks(at, table["neighbor"], style="italic")
    ax.set(xlabel="cosine similarity", title=f"nearest to {table['gene'].iloc[0]}" if len(table) else gene)
    ax.spines[["top", "right"]].set_visible(False)
    if show:
        plt.show()
    return ax
