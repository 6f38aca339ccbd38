"""The model that a tool was given: an object, a name, or a path."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TypeVar

from anndata import AnnData

from scellm._inputs import require_anndata
from scellm._logging import logger
from scellm.model import CellLM, DrugResponse, TokenModel
from scellm.model._saved import is_saved_model

Model = TypeVar("Model", bound=TokenModel)


def as_model(model: Model | str | PathLike, call: str) -> Model | CellLM:
    """Return a model; load it if it is named.

    Parameters
    ----------
    model
        A model; a name of :meth:`scellm.CellLM.available`, a URL, a file or folder of weights; or the folder that
        `save` wrote.
    call
        The tool, for messages.

    Returns
    -------
    TokenModel
        The model.

    Raises
    ------
    TypeError
        If it is none of these.
    """
    if isinstance(model, TokenModel):
        return model
    if isinstance(model, AnnData):
        msg = f"{call} takes the data first and the model second: the two seem to be swapped."
        raise TypeError(msg)
    if not isinstance(model, str | PathLike):
        msg = f"{call} takes a model, or the name or path of one; found {type(model).__name__}."
        raise TypeError(msg)
    logger.info("%s: loading %r", call, str(model))
    return CellLM.load(model) if is_saved_model(Path(model)) else CellLM.from_pretrained(model)


def as_drug_response(model: DrugResponse | str | PathLike, call: str) -> DrugResponse:
    """Return a DrugResponse; load it if it is a folder. Raises TypeError for anything else."""
    if isinstance(model, DrugResponse):
        return model
    if isinstance(model, str | PathLike):
        return DrugResponse.load(model) if is_saved_model(Path(model)) else DrugResponse.from_pretrained(model)
    hint = "The data come first, then the model." if isinstance(model, AnnData) else "Make one: scellm.DrugResponse."
    msg = f"{call} takes a DrugResponse, or the folder of one; found {type(model).__name__}. {hint}"
    raise TypeError(msg)


def check_call(adata: AnnData, key_added: str, call: str) -> None:
    """Raise unless `adata` is an AnnData and `key_added` can be written to disk.

    A name with a slash becomes a group of its own in HDF5 and zarr, and cannot be read back.
    """
    require_anndata(adata, call)
    if not isinstance(key_added, str) or not key_added.strip(". ") or "/" in key_added or key_added == "_index":
        msg = (
            f"key_added={key_added!r} cannot be written to disk; expected a name without '/', such as "
            f"{str(key_added).replace('/', '_').strip('. ') or 'celllm'!r}."
        )
        raise ValueError(msg)
