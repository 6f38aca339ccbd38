"""Write predicted cell types into `obs`."""

from __future__ import annotations

import json
from os import PathLike

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm import _keys
from scellm.model import CellLM
from scellm.tl._columns import column_names
from scellm.tl._model import as_model, check_call
from scellm.tl._provenance import record


def annotate(
    adata: AnnData,
    model: CellLM | str | PathLike,
    *,
    key_added: str = _keys.TYPE,
    batch_size: int | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Write the predicted cell type of every cell, its confidence, and the probabilities of all types.

    Parameters
    ----------
    adata
        Cells by genes, labelled or not; prepared automatically if needed (logged).
    model
        A model that was trained on cell types with `model.train()`, or the folder that its `save` wrote.
    key_added
        Name of the slot in `obs`, and prefix of the names of the other two.
    batch_size
        Cells read at once; affects the speed only.
    copy
        Return a copy with the slots, and do not change `adata`.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.obs['celllm_type' | key_added]` : :class:`pandas.Series` (dtype ``category``)
        The most probable type; the categories are all types the model knows.
    `adata.obs['celllm_type_confidence']` : :class:`pandas.Series` (dtype ``float32``)
        Its probability; calibrated on held-out cells if the head was solved (`model.train()`).
    `adata.obsm['celllm_type_probabilities']` : :class:`pandas.DataFrame` (dtype ``float32``)
        Probabilities, cells by types, in the order of the categories of `celllm_type`. A "/" in the name of a type is
        written as "|" here, as the names of columns on disk cannot hold it.
    `adata.uns['celllm']['slots']` : :class:`dict`
        For each of these slots: tool, model, versions, date, the types as JSON, and which features answered:
        "embedding", or "embedding and components" for cells that the model was trained with.

    Raises
    ------
    RuntimeError
        If the model was not trained on cell types.
    TypeError
        If `adata` is no AnnData or `model` no model.
    ValueError
        If `key_added` cannot be written to disk, or is the column that the model learned from: known labels are never
        overwritten.

    Examples
    --------
    >>> scellm.tl.annotate(adata, model)
    >>> sc.pl.umap(adata, color=["celllm_type", "celllm_type_confidence"])  # doctest: +SKIP
    """
    check_call(adata, key_added, "scellm.tl.annotate")
    model = as_model(model, "scellm.tl.annotate")
    _refuse_labels_key(model, key_added)
    adata = adata.copy() if copy else adata
    probabilities = model.predict(adata, soft=True, batch_size=batch_size)
    values = np.ascontiguousarray(probabilities.to_numpy(), dtype=np.float32)  # (n_obs, types)
    best = values.argmax(1)
    confidence, table = f"{key_added}_confidence", f"{key_added}_probabilities"
    adata.obs[key_added] = pd.Categorical.from_codes(best, categories=probabilities.columns)
    adata.obs[confidence] = values[np.arange(len(best)), best]
    adata.obsm[table] = pd.DataFrame(values, index=adata.obs_names, columns=column_names(list(probabilities.columns)))
    known = {"types": json.dumps(list(probabilities.columns)), "features": model.features_of(adata)}
    record(adata, "annotate", model, {key_added: "obs", confidence: "obs", table: "obsm"}, **known)
    return adata if copy else None


def _refuse_labels_key(model: CellLM, key_added: str) -> None:
    if key_added in {model.labels_key, model.labels_key and f"{model.labels_key}_confidence"}:
        msg = (
            f"key_added={key_added!r} is the column that the model learned from: known labels would be overwritten by "
            f"predictions. Pass another name, such as {key_added + '_predicted'!r}."
        )
        raise ValueError(msg)
