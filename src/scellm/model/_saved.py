"""The folder that `save` writes: tensors and the registry of scvi-tools, without any pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
from anndata import AnnData
from torch import Tensor

from scellm._tensors import damaged, read_tensors, write_tensors
from scellm.genes import load_vocabulary

MODEL, READABLE, CELLS = "model.safetensors", "model.json", "adata.h5ad"
FORMAT = "scellm-model-1"
_OLD = "model.pt"
_ARRAY = "__array__"


def is_saved_model(folder: Path) -> bool:
    """Whether a folder was written by `save`, in this version's format or an earlier one."""
    return (folder / MODEL).exists() or (folder / _OLD).exists()


def write_model(folder: Path, prefix: str, state: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write one file with everything, and what it says for people to read.

    Parameters
    ----------
    folder, prefix
        Where, and the beginning of the names.
    state
        Names to tensors.
    facts
        Plain values and arrays of text: class, options, registry, ...
    """
    header = {"format": FORMAT, **encoded(dict(facts))}
    write_tensors(folder / f"{prefix}{MODEL}", state, header)
    shown = {k: v for k, v in header.items() if k != "registry"}
    (folder / f"{prefix}{READABLE}").write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")


def require_new_folder(folder: Path, *, overwrite: bool) -> None:
    """Raise FileExistsError if there is a folder that may not be replaced."""
    if folder.exists() and not overwrite:
        msg = f"{folder} already exists. Pass another folder, or overwrite=True."
        raise FileExistsError(msg)


def stamp(owner: str) -> dict[str, str]:
    """Class, version and vocabulary, which :func:`check_stamp` compares."""
    vocabulary = load_vocabulary()
    own = {"vocabulary": vocabulary.version, "vocabulary_sha256": vocabulary.sha256}
    return {"scellm": version("scellm"), "class": owner, **own}


def check_stamp(facts: Mapping[str, Any], owner: str, path: Path) -> None:
    """Raise ValueError unless a file holds this class, in this version's vocabulary."""
    found = facts.get("class") or "CellLM"
    if found != owner:
        msg = f"{path} holds a {found}, not a {owner}. Load it with the former."
        raise ValueError(msg)
    vocabulary = load_vocabulary()
    if facts.get("vocabulary_sha256") != vocabulary.sha256:
        msg = (
            f"{path} was saved with the vocabulary {facts.get('vocabulary')}; this version has {vocabulary.version}. "
            f"Install scellm {facts.get('scellm')}."
        )
        raise ValueError(msg)


def read_model(folder: Path, prefix: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the output of :func:`write_model`.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is of an earlier version, of `save_pretrained`, or damaged.
    """
    path = folder / f"{prefix}{MODEL}"
    if not path.exists():
        raise _not_there(folder, prefix)
    state, header = read_tensors(path)
    facts = decoded(header)
    lacking = [k for k in ("class", "options", "registry", "types", "configs", "fingerprint") if k not in facts]
    if facts.get("format") != FORMAT or lacking:
        raise damaged(path, f"format {facts.get('format')!r}, without {lacking}")
    return state, facts


def _not_there(folder: Path, prefix: str) -> Exception:
    if (folder / f"{prefix}{_OLD}").exists():
        return ValueError(
            f"{folder} was saved by scellm 0.1.0 as a pickle, which can run code, and is not read. With that version, "
            "load it and run model.save_pretrained(folder); here, start from those weights with "
            "scellm.CellLM.from_pretrained(folder, adata), and train again (the head takes seconds)."
        )
    if (folder / "weights.safetensors").exists():
        return ValueError(
            f"{folder} holds pretrained weights: read them with scellm.CellLM.from_pretrained({str(folder)!r})."
        )
    return FileNotFoundError(f"{folder / f'{prefix}{MODEL}'} does not exist; expected a folder from model.save(...).")


def read_cells(folder: Path, prefix: str) -> AnnData | None:
    """The cells that were saved with the model, if they were."""
    path = folder / f"{prefix}{CELLS}"
    return ad.read_h5ad(path) if path.exists() else None


def encoded(value: Any) -> Any:
    """Arrays as lists, marked; other values as they are."""
    if isinstance(value, np.ndarray):
        kind = "text" if value.dtype.kind in "OSU" else value.dtype.str
        return {_ARRAY: kind, "values": [str(v) for v in value] if kind == "text" else value.tolist()}
    if isinstance(value, pd.DataFrame):
        return {_ARRAY: "table", "values": json.loads(value.to_json(orient="split", double_precision=15))}
    if isinstance(value, Mapping):
        return {str(k): encoded(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [encoded(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    msg = f"{type(value).__name__} cannot be saved; expected plain values. Leave it out of the options."
    raise TypeError(msg)


def decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [decoded(v) for v in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(_ARRAY)
    if kind is None:
        return {k: decoded(v) for k, v in value.items()}
    if kind == "table":
        return _table(value["values"])
    return np.array(value["values"], dtype=object if kind == "text" else np.dtype(kind))


def _table(stored: Mapping[str, Any]) -> pd.DataFrame:
    table = pd.DataFrame(stored["data"], index=stored["index"], columns=stored["columns"])
    return table.astype(float)
