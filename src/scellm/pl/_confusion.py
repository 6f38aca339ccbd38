"""True against predicted types."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes

from scellm import _keys
from scellm._inputs import require_anndata
from scellm._labels import NO_LABEL, Labels
from scellm.pl._axes import axes_or_new, finish


def confusion(
    adata: AnnData,
    labels_key: str,
    *,
    predicted_key: str = _keys.TYPE,
    normalize: bool = True,
    cmap: str = "Blues",
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Draw true against predicted types.

    Parameters
    ----------
    adata
        Cells by genes, after :func:`scellm.tl.annotate`; subset it to show held-out cells only.
    labels_key
        Column of `obs` with the true types; cells without one are left out.
    predicted_key
        Column of `obs` with the predicted types.
    normalize
        Show shares of each true type; otherwise cell counts.
    cmap
        A matplotlib colour map.
    ax
        Axes to draw on; by default a new figure.
    show
        Show the figure; `None` as in scanpy.

    Returns
    -------
    matplotlib.axes.Axes
        True types in rows, predicted ones in columns.

    Raises
    ------
    KeyError
        If a column does not exist.
    ValueError
        If no cell has a true type.

    Examples
    --------
    >>> scellm.tl.annotate(adata, model)
    >>> ax = scellm.pl.confusion(adata[45:], "cell_type")
    """
    require_anndata(adata, "scellm.pl.confusion")
    for name, key in (("labels_key", labels_key), ("predicted_key", predicted_key)):
        if key not in adata.obs:
            hint = (
                "Run scellm.tl.annotate(adata, model) first."
                if name == "predicted_key"
                else f"It holds {list(adata.obs.columns)[:12]}."
            )
            msg = f"{name}={key!r} is not in adata.obs. {hint}"
            raise KeyError(msg)
    known = Labels.of(adata.obs, labels_key, quiet=True).names
    predicted = adata.obs[predicted_key].astype(str).to_numpy()
    if not (known != NO_LABEL).any():
        msg = f"adata.obs[{labels_key!r}] holds no label: there is nothing to compare with."
        raise ValueError(msg)
    table = pd.crosstab(known[known != NO_LABEL], predicted[known != NO_LABEL])
    both = sorted(set(table.index) | set(table.columns), key=str)
    table = table.reindex(index=[t for t in both if t in table.index], columns=both, fill_value=0)
    n = table.sum(axis=1)
    shown = table.div(n, axis=0) if normalize else table
    given = ax is not None
    ax = axes_or_new(ax, (2.2 + 0.42 * len(both), 1.6 + 0.42 * len(table)))
    image = ax.imshow(shown.to_numpy(), cmap=cmap, vmin=0, vmax=1 if normalize else None)
    ax.set_xticks(range(len(both)), both, rotation=90)
    ax.set_yticks(range(len(table)), [f"{t} ({n[t]:,})" for t in table.index])
    ax.set(xlabel=f"predicted ({predicted_key})", ylabel=f"true ({labels_key})")
    _write_numbers(ax, shown.to_numpy(), ".2f" if normalize else ".0f")
    if ax.figure is not None:
        ax.figure.colorbar(image, ax=ax, label="share of the true type" if normalize else "cells", shrink=0.6)
    return finish(ax, show=show, given=given, spines=True)


def _write_numbers(ax: Axes, values: np.ndarray, form: str) -> None:
    for i, j in np.argwhere(values > 0):
        color = "white" if values[i, j] > values.max() / 2 else "black"
        ax.text(j, i, f"{values[i, j]:{form}}", ha="center", va="center", fontsize=7, color=color)
