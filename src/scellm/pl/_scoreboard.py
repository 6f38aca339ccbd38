"""The ranks of methods over tasks."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from scellm.bm import METRICS, Results
from scellm.pl._axes import axes_or_new, finish

_OWN, _OTHERS, _TASKS = "#c2410c", "0.25", "0.65"


def scoreboard(
    results: Results | pd.DataFrame,
    *,
    metric: str | None = None,
    highlight: str | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Draw the rank of every method on every task, and its mean rank.

    Parameters
    ----------
    results
        Output of :func:`scellm.bm.run`, or its table: `task`, `method`, `metric` and `value`.
    metric
        A metric of the table; by default the first.
    highlight
        A method to draw in another colour.
    ax
        Axes to draw on; by default a new figure.
    show
        Show the figure; `None` as in scanpy.

    Returns
    -------
    matplotlib.axes.Axes
        Methods in rows, the best mean rank on top. A grey dot is a task, which is ranked by the mean over its seeds;
        equal scores share a rank. The number on the right is the mean score over tasks.

    Raises
    ------
    ValueError
        If the metric is not in the table, `highlight` is no method, or a method lacks a task: ranks over different
        tasks cannot be compared.

    Examples
    --------
    >>> methods = {"majority": scellm.baselines.MajorityType, "PCA": scellm.baselines.PCALogisticRegression}
    >>> task = scellm.bm.Task("blood", adata, "cell_type", scellm.bm.FewLabels(5))
    >>> ax = scellm.pl.scoreboard(scellm.bm.run([task], methods, seeds=1), highlight="PCA")
    """
    table = results.table if isinstance(results, Results) else results
    metric = str(table["metric"].iloc[0]) if metric is None else metric
    scores = _scores(table, metric)  # (tasks, methods)
    if highlight is not None and highlight not in scores:
        msg = f"highlight={highlight!r} is no method of the results, which are {list(scores.columns)}."
        raise ValueError(msg)
    ranks = scores.rank(axis=1, ascending=not METRICS[metric].higher_is_better)
    order = ranks.mean().sort_values(kind="stable").index
    given = ax is not None
    ax = axes_or_new(ax, (6.4, 1.2 + 0.34 * len(order)))
    colour = [_OWN if name == highlight else _OTHERS for name in order]
    for y, name in enumerate(order):
        at = np.linspace(-0.18, 0.18, len(ranks)) if len(ranks) > 1 else np.zeros(1)  # tasks do not hide each other
        ax.scatter(ranks[name], y + at, s=14, color=_TASKS, linewidths=0, zorder=2)
        ax.annotate(f"{scores[name].mean():.3f}", (1.02, y), xycoords=("axes fraction", "data"), va="center")
    ax.scatter(ranks[order].mean(), range(len(order)), s=90, c=colour, marker="D", zorder=3)
    ax.annotate("mean", (1.02, -0.75), xycoords=("axes fraction", "data"), va="center", annotation_clip=False)
    ax.set_yticks(range(len(order)), order)
    ax.set_xticks(range(1, len(order) + 1))
    tasks = "task" if len(ranks) == 1 else "tasks"
    ax.set(xlabel=f"rank by {metric} on {len(ranks):,} {tasks} (1 is best)", ylim=(len(order) - 0.4, -1.0))
    ax.grid(axis="x", color="0.92", zorder=0)
    ax.set_axisbelow(True)
    return finish(ax, show=show, given=given)


def _scores(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The mean over seeds of each method on each task, (tasks, methods)."""
    known = table[table["metric"] == metric]
    if known.empty or metric not in METRICS:
        msg = f"metric={metric!r} was not computed; the results hold {sorted(table['metric'].unique())}."
        raise ValueError(msg)
    scores = known.pivot_table(index="task", columns="method", values="value", sort=False)
    lacking = [f"{scores.columns[j]!r} on {scores.index[i]!r}" for i, j in np.argwhere(scores.isna().to_numpy())]
    if lacking:
        msg = f"Every method must have a score on every task; missing: {', '.join(lacking[:4])}."
        raise ValueError(msg)
    return scores
