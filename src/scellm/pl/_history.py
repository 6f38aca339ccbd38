"""How training went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

if TYPE_CHECKING:
    from scellm.model import CellLM

_SHOWN = {"pretrain": ("loss", "contrastive", "masked", "origin"), "train": ("train_loss", "validation_loss")}


def history(
    model: CellLM, *, stage: str | None = None, keys: Sequence[str] | None = None, smooth: int | None = None, ax: Axes | None = None,
    show: bool | None = None,
) -> Axes:  # fmt: skip
    """Losses over pretraining steps or training epochs.

    Parameters
    ----------
    model
        Pretrained or trained.
    stage
        "pretrain" or "train"; by default the last that was run.
    keys
        Columns of `model.history` to draw in place of the losses.
    smooth
        Steps of the running mean; by default a fiftieth of a long run, none for a short one. The single values stay visible behind.
    ax
        Where to draw.
    show
        Call `plt.show()`.

    Returns
    -------
    matplotlib.axes.Axes
        With a line a loss.

    Raises
    ------
    ValueError
        If the model has no history of that stage.

    Examples
    --------
    >>> scellm.pl.history(model, stage="pretrain")
    """
    recorded = model.history or {}
    if keys is None:
        stage = stage or ("train" if "train_loss" in recorded else "pretrain")
        if stage not in _SHOWN:
            msg = f"stage={stage!r} is not known; expected one of {list(_SHOWN)}."
            raise ValueError(msg)
        names = _SHOWN[stage] if stage == "train" else tuple(f"pretrain_{k}" for k in _SHOWN[stage])
        keys = [k for k in names if k in recorded]
    lacking = [k for k in keys if k not in recorded]
    if lacking or not keys:
        msg = f"model.history holds {sorted(recorded) or 'nothing'}, not {lacking or f'a loss of stage {stage!r}'}. Run model.pretrain() or model.train()."
        raise ValueError(msg)
    ax = ax if ax is not None else plt.subplots(figsize=(5, 3.5), layout="constrained")[1]
    for key in keys:
        _line(ax, recorded[key], key, smooth)
    step = recorded[keys[0]].index.name or "epoch"
    ax.set(xlabel=step, ylabel="loss" if all("loss" in k or k.startswith("pretrain_") for k in keys) else "value")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    if show:
        plt.show()
    return ax


def _line(ax: Axes, column: pd.DataFrame, key: str, smooth: int | None) -> None:
    x, y = column.index.to_numpy(dtype=float), column.iloc[:, 0].to_numpy(dtype=float)
    width = smooth or (len(y) // 50 if len(y) >= 200 else 1)
    label = key.removeprefix("pretrain_").replace("_", " ")
    if width <= 1:
        ax.plot(x, y, label=label, marker="o" if len(y) < 30 else None, markersize=3)
        return
    (line,) = ax.plot(x[width - 1 :], np.convolve(y, np.ones(width) / width, mode="valid"), label=label)
    ax.plot(x, y, color=line.get_color(), alpha=0.2, linewidth=0.8)
