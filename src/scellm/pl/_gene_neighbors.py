"""The nearest genes of a gene."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from scellm.model import TokenModel
from scellm.pl._axes import axes_or_new, finish
from scellm.tl import gene_neighbors as nearest


def gene_neighbors(
    model: TokenModel | pd.DataFrame,
    gene: str,
    *,
    n_neighbors: int = 10,
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Draw the nearest genes of a gene and their similarity; the table is :func:`scellm.tl.gene_neighbors`.

    Parameters
    ----------
    model
        A model, or gene embeddings.
    gene
        The gene, by any identifier that :func:`scellm.pp.prepare` knows.
    n_neighbors
        Number of neighbours.
    ax
        Axes to draw on; by default a new figure.
    show
        Show the figure; `None` as in scanpy.

    Returns
    -------
    matplotlib.axes.Axes
        With one line and dot per neighbour, the nearest on top.

    Raises
    ------
    KeyError
        If the gene is not known or has no embedding.

    Examples
    --------
    >>> ax = scellm.pl.gene_neighbors(model, "CD3E")
    """
    table = nearest(model, gene, n_neighbors=n_neighbors)
    given = ax is not None
    ax = axes_or_new(ax, (3.5, 0.6 + 0.25 * len(table)))
    at = np.arange(len(table))[::-1]
    ax.hlines(at, min(0, table["similarity"].min()), table["similarity"], color="0.8", linewidth=1.5)
    ax.plot(table["similarity"], at, "o", markersize=6)
    ax.set_yticks(at, table["neighbor"], style="italic")
    ax.set(xlabel="cosine similarity", title=f"nearest to {table['gene'].iloc[0]}" if len(table) else gene)
    return finish(ax, show=show, given=given)
