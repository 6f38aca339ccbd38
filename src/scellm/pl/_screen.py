"""Drugs by groups of cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from scellm import _keys
from scellm._inputs import own_entries, require_anndata
from scellm.pl._axes import axes_or_new, finish

_SMALLEST, _LARGEST = 12.0, 190.0


def screen(
    adata: AnnData,
    *,
    drugs: Sequence[str] | int = 20,
    value: str = "relative",
    key: str = _keys.SCREEN,
    cmap: str = "RdBu_r",
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Draw the output of :func:`scellm.tl.screen`: colour is the deviation, size is how certain it is.

    Parameters
    ----------
    adata
        After :func:`scellm.tl.screen`.
    drugs
        Drugs to draw, or how many: those with the best rank in any group.
    value
        Column for the colour: "relative", or "selectivity" against normal cells.
    key
        `key_added` of the screen.
    cmap
        A diverging matplotlib colour map; its first half is for sensitive.
    ax
        Axes to draw on; by default a new figure.
    show
        Show the figure; `None` as in scanpy.

    Returns
    -------
    matplotlib.axes.Axes
        Drugs in rows, groups in columns, small and foreign groups hatched. A dot is the larger, the smaller the
        interval is beside the deviation.

    Raises
    ------
    KeyError
        If there is no screen, or a drug or column is not in it.

    Examples
    --------
    >>> ax = scellm.pl.screen(adata)  # doctest: +SKIP
    """
    require_anndata(adata, "scellm.pl.screen")
    table = own_entries(adata, _keys.UNS).get(key)
    if not isinstance(table, pd.DataFrame):
        msg = f"adata.uns['celllm'][{key!r}] holds no screen. Run scellm.tl.screen(adata, model, groupby=...) first."
        raise KeyError(msg)
    if value not in table:
        msg = f"value={value!r} is not in the screen; selectivity needs reference= in scellm.tl.screen."
        raise KeyError(msg)
    table = table.assign(column=_columns(table))
    chosen = _chosen(table, drugs)
    columns = list(dict.fromkeys(table["column"]))
    wide = lambda name: table.pivot(index="drug", columns="column", values=name).loc[chosen, columns].to_numpy(float)
    shown, certain = wide(value), np.nan_to_num(wide("relative") / np.maximum(wide("high") - wide("low"), 1e-9))
    given = ax is not None
    ax = axes_or_new(ax, (2.6 + 0.45 * len(columns), 1.8 + 0.27 * len(chosen)))
    y, x = np.nonzero(np.isfinite(shown))
    limit = float(np.nanmax(np.abs(shown))) if len(y) else 1.0
    size = _SMALLEST + (_LARGEST - _SMALLEST) * np.minimum(np.abs(certain[y, x]), 1.0)
    dots = ax.scatter(x, y, s=size, c=shown[y, x], cmap=cmap, vmin=-limit, vmax=limit, edgecolors="0.5", linewidths=0.4)
    for at in np.flatnonzero(~np.isfinite(shown).any(0)):
        ax.add_patch(Rectangle((at - 0.45, -0.5), 0.9, len(chosen), fill=False, hatch="///", ec="0.75", lw=0))
    n_cells = table.drop_duplicates("column").set_index("column")["n_cells"]
    ax.set_xticks(range(len(columns)), [f"{c} ({n_cells[c]:,})" for c in columns], rotation=90)
    ax.set_yticks(range(len(chosen)), chosen)
    ax.set(xlim=(-0.6, len(columns) - 0.4), ylim=(len(chosen) - 0.4, -0.6), title="Predicted from cell lines")
    if ax.figure is not None:
        words = {"relative": "deviation from the drug's mean", "selectivity": "deviation minus that of normal cells"}
        ax.figure.colorbar(dots, ax=ax, label=f"{words.get(value, value)}\n(lower = more sensitive)", shrink=0.6)
    return finish(ax, show=show, given=given, spines=True)


def _columns(table: pd.DataFrame) -> pd.Series:
    donor = table["donor"].astype(str)
    return table["group"].astype(str) + donor.where(donor == "", ", " + donor)


def _chosen(table: pd.DataFrame, drugs: Sequence[str] | int) -> list[str]:
    """The drugs named, or those with the best ranks."""
    if isinstance(drugs, int):
        best = table.groupby("drug")["rank"].min().dropna().sort_values(kind="stable")
        return list(best.index[:drugs]) if len(best) else list(table["drug"].unique()[:drugs])
    unknown = [d for d in drugs if d not in set(table["drug"])]
    if unknown:
        msg = f"drugs={unknown[:4]} are not in the screen, which holds {sorted(table['drug'].unique())[:8]}."
        raise KeyError(msg)
    return list(drugs)
