"""Write predicted cell types into `obs`."""

from __future__ import annotations

import json
import warnings
from os import PathLike

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm import _keys
from scellm._on_disk import copy_of
from scellm._options import in_range
from scellm.model import CellLM
from scellm.model._annotator import UNKNOWN, Annotator
from scellm.tl._columns import column_names
from scellm.tl._model import as_model, check_call
from scellm.tl._possible_types import write_possible
from scellm.tl._provenance import drop_earlier, record
from scellm.tl._smoothing import check_smooth, cluster_means, smoothed

_OPTIONAL = ("_coarse", "_id", "_p_value", "_set_size", "_p_values")
"""Ends of the names of slots that not every call writes."""


def annotate(
    adata: AnnData,
    model: CellLM | str | PathLike,
    *,
    key_added: str = _keys.TYPE,
    smooth: int | str | None = None,
    min_confidence: float | None = None,
    unknown: str | None = None,
    coverage: float = 0.95,
    batch_size: int | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Write the predicted cell type of every cell, its confidence, and the probabilities of all types.

    Parameters
    ----------
    adata
        Cells by genes, labelled or not; prepared automatically if needed (logged).
    model
        A model that was trained on cell types with `model.train()`, or the folder that its `save` wrote; or weights
        that know types, by name or path: "celllm-immune" names the cells of blood, bone marrow and immune cells of
        tissue without any label of yours (:meth:`scellm.CellLM.available` lists such weights).
    key_added
        Name of the slot in `obs`, and prefix of the names of the others.
    smooth
        Share what similar cells say. A number, such as 10: the probabilities of a cell are half its own, half the mean
        of those of its nearest cells. The name of a column of `obs` with clusters, such as "leiden": all cells of a
        cluster get its mean probabilities, so its cells have one type; cells without cluster keep their own. By default
        the answer for a cell depends on that cell alone.
    min_confidence
        Probability below which the answer is the coarse type, or "unknown" if that is below it too. By default what the
        weights state, and 0 for a model that you trained, which always answers.
    unknown
        Name for cells that fit no type that the model learned, such as "Unknown". For a model that you trained;
        cannot be combined with `smooth` or `min_confidence`. See :meth:`scellm.CellLM.predict_p_values`.
    coverage
        With `unknown`: share of the cells of the learned types for which the type shall be among the possible ones,
        those with a p-value above `1 - coverage`. As many as that may be left unknown although their type was learned.
    batch_size
        Cells read at once; affects the speed only.
    copy
        Return a copy with the slots, and do not change `adata`.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields, and deletes those that an earlier call
    with the same `key_added` set and this one does not:

    `adata.obs['celllm_type' | key_added]` : :class:`pandas.Series` (dtype ``category``)
        The most probable type; the categories are all types the model knows. With weights that have coarse types, the
        finest answer that is sure enough: a type, a coarse type, or "unknown".
    `adata.obs['celllm_type_confidence']` : :class:`pandas.Series` (dtype ``float32``)
        Probability of the answer; calibrated on held-out cells if the head was solved (`model.train()`). Of a cell that
        is "unknown", the probability of its best coarse type.
    `adata.obs['celllm_type_coarse']` : :class:`pandas.Series` (dtype ``category``)
        The coarse type; only for weights that have coarse types.
    `adata.obs['celllm_type_id']` : :class:`pandas.Series` (dtype ``category``)
        Cell Ontology id of the answer, "" if unknown; only for weights that have ids.
    `adata.obsm['celllm_type_probabilities']` : :class:`pandas.DataFrame` (dtype ``float32``)
        Probabilities, cells by types, in the order of the categories of `celllm_type`. A "/" in the name of a type is
        written as "|" here, as the names of columns on disk cannot hold it.
    `adata.obs['celllm_type_p_value']` : :class:`pandas.Series` (dtype ``float32``)
        The largest p-value of any type: how well the cell fits what was learned. Only with `unknown`.
    `adata.obs['celllm_type_set_size']` : :class:`pandas.Series` (dtype ``int32``)
        Number of possible types, 0 for an unknown cell. The answer is the most probable one of them. Only with
        `unknown`.
    `adata.obsm['celllm_type_p_values']` : :class:`pandas.DataFrame` (dtype ``float32``)
        P-values, cells by types. Only with `unknown`.
    `adata.uns['celllm']['slots']` : :class:`dict`
        For each of these slots: tool, model, versions, date, the types as JSON, `smooth`, `min_confidence`, with
        `unknown` also the coverage and the types with too few calibration cells for p-values of their own, and which
        features answered: "embedding", or "embedding and components" for cells that the model was trained with.

    Raises
    ------
    RuntimeError
        If the model knows no cell types, or `unknown` is given and it has no calibration cells.
    TypeError
        If `adata` is no AnnData or `model` no model.
    ValueError
        If `key_added` cannot be written to disk, or is the column that the model learned from: known labels are never
        overwritten. If `smooth` is no number of neighbours and no column of `obs`, `min_confidence` no probability,
        `unknown` the name of a type, or `coverage` not possible.

    Warns
    -----
    UserWarning
        If more than half of the cells are "unknown" by the confidence that the weights state.

    Examples
    --------
    >>> scellm.tl.annotate(adata, model)
    >>> scellm.tl.annotate(adata, model, unknown="Unknown", coverage=0.9, key_added="careful")
    >>> scellm.tl.annotate(blood, "celllm-immune")  # doctest: +SKIP
    >>> sc.pl.umap(adata, color=["celllm_type", "celllm_type_confidence"])  # doctest: +SKIP
    """
    check_call(adata, key_added, "scellm.tl.annotate")
    check_smooth(adata, smooth, clusters=True)
    if min_confidence is not None:
        in_range("min_confidence", min_confidence, 0, 1)
    model = as_model(model, "scellm.tl.annotate")
    _refuse_labels_key(model, key_added)
    annotator = model._answering().with_minimum(min_confidence)
    if unknown is not None:
        _check_unknown(unknown, annotator, smooth, min_confidence)
        model._calibration(coverage)
    adata = copy_of(adata) if copy else adata
    values = _probabilities(adata, model, smooth, batch_size)  # (n_obs, types)
    p_values = None if unknown is None else model.predict_p_values(adata, coverage=coverage, batch_size=batch_size)
    slots = _write(adata, key_added, annotator, values)
    known = {
        "types": json.dumps(annotator.names),
        "features": model.features_of(adata),
        "smooth": str(smooth or "none"),
        "min_confidence": annotator.limits,
    }
    if unknown is not None and p_values is not None:
        slots |= write_possible(adata, key_added, values, p_values, unknown, coverage)
        known |= {"unknown": unknown, "coverage": str(coverage), "few_calibration_cells": _few(model, coverage)}
    elif min_confidence is None:
        _warn_of_unknown(adata.obs[key_added], annotator)
    drop_earlier(adata, key_added, [key for part in _OPTIONAL if (key := f"{key_added}{part}") not in slots])
    record(adata, "annotate", model, slots, **known)
    return adata if copy else None


def _probabilities(adata: AnnData, model: CellLM, smooth: int | str | None, batch_size: int | None) -> np.ndarray:
    """Probabilities of the types, smoothed if wanted, float32, (n_obs, types)."""
    found = model.predict(adata, soft=True, batch_size=batch_size)
    values = np.ascontiguousarray(found.to_numpy(), dtype=np.float32)
    if isinstance(smooth, str):
        return cluster_means(values, adata.obs[smooth])
    if smooth is not None:
        return smoothed(values, model.get_latent_representation(adata, batch_size=batch_size), smooth)
    return values


def _few(model: CellLM, coverage: float) -> str:
    """The types with too few calibration cells for p-values of their own, as JSON."""
    names = model._answering().names
    few = model._calibration(coverage).pooled(len(names), coverage)
    return json.dumps([name for name, is_few in zip(names, few, strict=True) if is_few])


def _write(adata: AnnData, key_added: str, annotator: Annotator, values: np.ndarray) -> dict[str, str]:
    """Write the answers and the probabilities, and return the slots."""
    found = annotator.answers(values)
    confidence, table = f"{key_added}_confidence", f"{key_added}_probabilities"
    adata.obs[key_added] = pd.Categorical(found["type"], categories=annotator.categories)
    adata.obs[confidence] = found["confidence"].to_numpy()
    slots = {key_added: "obs", confidence: "obs"}
    if not annotator.is_plain:
        for name in ("coarse", "id"):
            adata.obs[f"{key_added}_{name}"] = pd.Categorical(found[name])
            slots[f"{key_added}_{name}"] = "obs"
    adata.obsm[table] = pd.DataFrame(values, index=adata.obs_names, columns=column_names(annotator.names))
    return {**slots, table: "obsm"}


def _check_unknown(unknown: str, annotator: Annotator, smooth: object, min_confidence: object) -> None:
    if not isinstance(unknown, str) or not unknown.strip() or unknown in annotator.names:
        msg = (
            f"unknown={unknown!r} is not possible; expected a name that is not one of the types, such as 'Unknown'. "
            f"The types are {annotator.names[:12]}."
        )
        raise ValueError(msg)
    other = "smooth" if smooth is not None else "min_confidence" if min_confidence is not None else ""
    if other:
        msg = (
            f"unknown= cannot be combined with {other}=: p-values hold for the answer of a cell by itself. Call "
            "scellm.tl.annotate twice, with another key_added= each."
        )
        raise ValueError(msg)


def _warn_of_unknown(answers: pd.Series, annotator: Annotator) -> None:
    """Warn if most cells got no name: the model may not know this tissue, or too few of its genes are measured."""
    unknown = int((answers == UNKNOWN).sum()) if annotator.min_coarse > 0 else 0
    if unknown <= len(answers) / 2:
        return
    coarse = ", ".join(dict.fromkeys(annotator.types["coarse"]))
    msg = (
        f"{unknown:,} of {len(answers):,} cells are {UNKNOWN!r}, with a confidence below {annotator.min_coarse:g}. "
        f"Either most are of none of the types that the model knows ({coarse}), or the data measure too few of its "
        "genes. Look at marker genes before you use these names. min_confidence=0 names every cell, right or wrong."
    )
    warnings.warn(msg, UserWarning, stacklevel=3)


def _refuse_labels_key(model: CellLM, key_added: str) -> None:
    if model.labels_key in {f"{key_added}{part}" for part in ("", "_confidence", *_OPTIONAL)}:
        msg = (
            f"key_added={key_added!r} is the column that the model learned from: known labels would be overwritten by "
            f"predictions. Pass another name, such as {key_added + '_predicted'!r}."
        )
        raise ValueError(msg)
