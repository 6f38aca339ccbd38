"""Whether a model beats the simple baselines on given data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from anndata import AnnData

from scellm import bm
from scellm._inputs import require_anndata
from scellm._logging import logger
from scellm.baselines import (
    L1LogisticRegression,
    LogisticRegression,
    MajorityType,
    PCALogisticRegression,
    PCANeighbors,
)
from scellm.bm._task import Split
from scellm.model import CellLM
from scellm.model._classifier import CellLMClassifier
from scellm.tl._model import as_model

SIMPLE: dict[str, Callable[[], bm.Method]] = {
    "majority": MajorityType,
    "nearest neighbours in PCA-50": PCANeighbors,
    "logistic regression on PCA-50": PCALogisticRegression,
    "logistic regression on expression": LogisticRegression,
    "L1 logistic regression on expression": L1LogisticRegression,
}
"""The simple baselines that a model is compared with."""


def evaluate(
    adata: AnnData,
    model: CellLM | str | PathLike,
    *,
    labels_key: str,
    split: Split | None = None,
    methods: Mapping[str, Callable[[], bm.Method]] | None = None,
    seeds: int = 3,
    metric: str = "macro_f1",
    **options: Any,
) -> pd.DataFrame:
    """Test on your own labelled cells whether a model is worth using: it, beside the simple baselines.

    For each seed, all methods learn from the same cells and are tested on the same others. The verdict holds for this
    data set, this number of labels and this kind of split: cells of another study are harder (`bm.LeaveOut`).

    Parameters
    ----------
    adata
        Cells by genes, with labels; not changed.
    model
        A model, or the name or path of one. Its encoder is used, and types are learned as by
        :meth:`scellm.CellLM.train`.
    labels_key
        Column of `obs` with the types; cells without one are left out.
    split
        Which cells are learned from, such as `bm.FewLabels(10)` or `bm.LeaveOut("donor", ["d3"])`; by default a fifth
        of every type is tested.
    methods
        Further methods by name, as for :func:`scellm.bm.run`.
    seeds
        Number of random splits.
    metric
        A key of `bm.METRICS`, for types.
    **options
        Options of :meth:`scellm.CellLM.train`.

    Returns
    -------
    pandas.DataFrame
        As :func:`scellm.bm.summary`, the best method first: `method`, `mean`, `sd`; `against`, the best of the simple
        baselines (of the others, for one of these); the `difference` to it, its 95 % interval `low` to `high`, and the
        `verdict`. Methods of `methods=` are not taken for simple ones.

    Raises
    ------
    TypeError
        If `adata` is no AnnData or `model` no model.
    KeyError
        If the column does not exist.
    ValueError
        If there are fewer than two types with enough cells, the metric is not known or not for types, a method has the
        name of another, or the encoder of the model was trained on labels: it would have seen those of test cells.

    Examples
    --------
    >>> scellm.tl.evaluate(adata, "celllm-bag", labels_key="cell_type", seeds=1)  # doctest: +SKIP
    """
    require_anndata(adata, "scellm.tl.evaluate")
    name = str(model) if isinstance(model, str | PathLike) else "this model"
    task = bm.Task(labels_key, adata, labels_key, bm.Stratified(0.2) if split is None else split)
    task.column(adata)
    _check_names({name, *SIMPLE}, methods or {})
    loaded = as_model(model, "scellm.tl.evaluate")
    _refuse_tuned(loaded)
    with TemporaryDirectory() as folder:
        loaded.save_pretrained(folder, name="evaluated")  # every seed starts from the same weights, without a head
        ours = {name: lambda: CellLMClassifier(folder, **options)}
        every = {**ours, **SIMPLE, **(methods or {})}
        results = bm.run([task], every, seeds=seeds, metrics=[metric])
    table = bm.summary(results, against=list(SIMPLE), metric=metric).drop(columns="task")
    ascending = not bm.METRICS[metric].higher_is_better
    table = table.sort_values("mean", ascending=ascending, kind="stable", ignore_index=True)
    logger.info("evaluate: %s", _sentence(table[table["method"] == name].iloc[0], name, metric))
    return table


def _check_names(taken: set[str], methods: Mapping[str, Any]) -> None:
    if same := taken & set(methods):
        msg = f"methods= names {sorted(same)}, which take part already. Give them other names."
        raise ValueError(msg)


def _refuse_tuned(model: CellLM) -> None:
    """Raise for an encoder that was trained on labels, among them perhaps those of the test cells."""
    trained = getattr(model, "configs_", {}).get("train", {})
    if trained.get("tune", "head") != "head" or trained.get("head") == "mlp":
        msg = (
            "The encoder of this model was trained on labels, which may be those of the cells that would be tested. "
            "Pass the weights that it started from, such as 'celllm-bag', and the options of train: tune='last'."
        )
        raise ValueError(msg)


def _sentence(row: pd.Series, name: str, metric: str) -> str:
    verdict = {"better": "is better than", "worse": "is worse than"}.get(row["verdict"], "cannot be separated from")
    return (
        f"{name} ({metric} {row['mean']:.3f}) {verdict} the best simple baseline, {row['against']}: difference "
        f"{row['difference']:+.3f}, 95 % interval {row['low']:+.3f} to {row['high']:+.3f}"
    )
