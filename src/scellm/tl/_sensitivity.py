"""Sensitive or resistant: a binary label of cells, with the check that a score can be believed."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from os import PathLike

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm import _keys
from scellm._logging import logger
from scellm._on_disk import copy_of
from scellm.model import CellLM
from scellm.model._response_answers import DISCLAIMER
from scellm.tl._model import as_model, check_call
from scellm.tl._provenance import record
from scellm.tl._sensitivity_check import checked_training

_POSITIVE = ("sensitive", "sensitivity", "responder", "responsive")


def sensitivity(
    adata: AnnData,
    model: CellLM | str | PathLike,
    *,
    positive: str | None = None,
    batch_keys: Sequence[str] | str | None = None,
    key_added: str = _keys.SENSITIVITY,
    batch_size: int | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Predict whether cells are sensitive to a drug, from cells whose response is known.

    The model is a :class:`scellm.CellLM` that was set up with `labels_key`, a column with two labels, and trained. Its
    training data are checked first: where treated and untreated cells are a library each, a classifier may read the
    library, and a warning says so. Where whole libraries or donors can be left out, that is done, and the score stands
    beside that of a random split and beside that of the library size alone. Not for clinical use.

    Parameters
    ----------
    adata
        Cells by genes; prepared automatically if needed (logged).
    model
        A trained :class:`scellm.CellLM` of two labels, or the folder that `save` wrote.
    positive
        The label that counts as positive; by default the one called "sensitive", "responder" or the like.
    batch_keys
        Columns of the training data with the library, donor or batch; by default those whose names say so.
    key_added
        Name of the column; the score is added to it as `_score`.
    batch_size
        Cells read at once; affects the speed, not the result.
    copy
        Return a copy and do not change `adata`.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.obs['celllm_sensitivity']` : :class:`pandas.Series` (dtype ``category``)
        The more probable label.
    `adata.obs['celllm_sensitivity_score']` : :class:`pandas.Series` (dtype ``float32``)
        Probability of the positive label.
    `adata.uns['celllm']['slots']` : :class:`dict`
        For both: tool, model, versions, date, the positive label, what was found about the training data
        (`confounding`), and scores (`scores`, as JSON): AUROC, average precision and F1 of the positive label, in a
        random split and with whole levels left out; none if the label is not identifiable, or the encoder was tuned.

    Raises
    ------
    RuntimeError
        If the model was not trained.
    ValueError
        If it knows other than two labels, or the positive one is open.
    KeyError
        If a column does not exist.

    Examples
    --------
    >>> scellm.CellLM.setup_anndata(adata, labels_key="response")  # doctest: +SKIP
    >>> model = scellm.CellLM.from_pretrained("celllm-mini", adata)  # doctest: +SKIP
    >>> model.train()  # doctest: +SKIP
    >>> scellm.tl.sensitivity(adata, model, positive="sensitive")  # doctest: +SKIP
    """
    check_call(adata, key_added, "scellm.tl.sensitivity")
    model = as_model(model, "scellm.tl.sensitivity")
    label = _positive(model._types(), positive)
    if key_added == model.labels_key:
        msg = f"key_added={key_added!r} is the column that the model learned from. Pass another name."
        raise ValueError(msg)
    check = checked_training(model, label, batch_keys)
    adata = copy_of(adata) if copy else adata
    probabilities = model.predict(adata, soft=True, batch_size=batch_size)
    if check.warning:
        warnings.warn(check.warning, UserWarning, stacklevel=2)
    for line in check.lines():
        logger.info("sensitivity: %s", line)
    values = probabilities.to_numpy(np.float32)  # (n_obs, 2)
    score = f"{key_added}_score"
    adata.obs[key_added] = pd.Categorical.from_codes(values.argmax(1), categories=probabilities.columns)
    adata.obs[score] = probabilities[label].to_numpy(np.float32)
    facts = {"positive": label, "confounding": check.sentence, "scores": json.dumps(check.scores)}
    record(adata, "sensitivity", model, {key_added: "obs", score: "obs"}, disclaimer=DISCLAIMER, **facts)
    return adata if copy else None


def _positive(types: Sequence[str], positive: str | None) -> str:
    """The positive label; raises ValueError if there are not two labels, or it is open."""
    if len(types) != 2:
        msg = (
            f"Sensitivity has two labels, such as 'sensitive' and 'resistant'; the model knows {list(types)[:6]}. Set "
            "up with labels_key= of such a column."
        )
        raise ValueError(msg)
    if positive is not None:
        positive = str(positive)
        if positive not in types:
            msg = f"positive={positive!r} is not a label of the model; expected one of {list(types)}."
            raise ValueError(msg)
        return positive
    found = [t for t in types if t.strip().casefold() in _POSITIVE]
    if len(found) != 1:
        msg = f"Which of {list(types)} is positive is open: pass positive=."
        raise ValueError(msg)
    return found[0]
