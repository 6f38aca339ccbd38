"""Losses over training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from scellm.model import TokenModel
from scellm.pl._axes import axes_or_new, finish

_STAGES = ("pretrain", "train")


def history(
    model: TokenModel,
    *,
    stage: str | None = None,
    keys: Sequence[str] | None = None,
    smooth: int | None = None,
    ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:
    """Draw losses over pretraining steps or training epochs.

    Parameters
    ----------
    model
        A pretrained or fine-tuned model.
    stage
        "pretrain" or "train"; by default the last that was run.
    keys
        Columns of `model.history` to draw in place of the losses.
    smooth
        Steps of the running mean; by default 1/50 of a long run, and none for a short one. Single values are drawn
        behind it.
    ax
        Axes to draw on; by default a new figure.
    show
        Show the figure; `None` as in scanpy.

    Returns
    -------
    matplotlib.axes.Axes
        With one line per loss.

    Raises
    ------
    ValueError
        If the model has no history of that stage.

    Examples
    --------
    >>> ax = scellm.pl.history(model, stage="train")
    """
    recorded = model.history or {}
    keys = _losses(model, stage) if keys is None else list(keys)
    lacking = [k for k in keys if k not in recorded]
    if lacking or not keys:
        what = lacking or f"a loss of stage {stage!r}"
        msg = f"model.history holds {sorted(recorded) or 'nothing'}, not {what}. Run model.pretrain() or model.train()."
        raise ValueError(msg)
    given = ax is not None
    ax = axes_or_new(ax, (5, 3.5))
    for key in keys:
        _line(ax, recorded[key], key, smooth)
    step = recorded[keys[0]].index.name or "epoch"
    ax.set(xlabel=step, ylabel="loss" if all("loss" in k or k.startswith("pretrain_") for k in keys) else "value")
    ax.legend(frameon=False)
    return finish(ax, show=show, given=given)


def _losses(model: TokenModel, stage: str | None) -> list[str]:
    """Names of the losses of a stage that were recorded."""
    recorded = model.history or {}
    stage = stage or ("train" if "train_loss" in recorded else "pretrain")
    if stage not in _STAGES:
        msg = f"stage={stage!r} is not known; expected one of {list(_STAGES)}."
        raise ValueError(msg)
    if stage == "train":
        names = ["train_loss", "validation_loss"]
    else:
        objectives = model.configs_.get("pretrain", {}).get("objectives", [])
        names = [f"pretrain_{name}" for name in ("loss", *objectives)]
    return [name for name in names if name in recorded]


def _line(ax: Axes, column: pd.DataFrame, key: str, smooth: int | None) -> None:
    x, y = column.index.to_numpy(dtype=float), column.iloc[:, 0].to_numpy(dtype=float)
    width = smooth or (len(y) // 50 if len(y) >= 200 else 1)
    label = key.removeprefix("pretrain_").replace("_", " ")
    if width <= 1:
        ax.plot(x, y, label=label, marker="o" if len(y) < 30 else None, markersize=3)
        return
    (line,) = ax.plot(x[width - 1 :], np.convolve(y, np.ones(width) / width, mode="valid"), label=label)
    ax.plot(x, y, color=line.get_color(), alpha=0.2, linewidth=0.8)
