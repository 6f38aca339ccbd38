"""The file format of weights: safetensors with a model card in its header. No code in it is executed."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scellm._tensors import damaged, fingerprint, read_header, read_shapes, read_tensors, require_finite, write_tensors
from scellm.weights._card import check_card
from scellm.weights._upgrade import FORMAT, FORMATS, upgrade

WEIGHTS, CARD = "weights.safetensors", "card.json"


def write_weights(folder: str | PathLike, state: dict[str, Tensor], card: dict[str, Any]) -> Path:
    """Write `weights.safetensors`, with the card in its header, and the card as `card.json` for people to read.

    Parameters
    ----------
    folder
        Created if needed.
    state
        Names to tensors.
    card
        Plain numbers, strings, lists and dictionaries.

    Returns
    -------
    pathlib.Path
        The file with the weights.
    """
    require_finite(state, "The model", but=_gaps(card))
    card = {**card, "format": FORMAT, "fingerprint": fingerprint(state)}
    path = write_tensors(Path(folder) / WEIGHTS, state, card)
    (Path(folder) / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return path


def read_weights(path: str | PathLike) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file of weights, or a folder with one. No pickle is read.

    Names of earlier formats are converted to current ones.

    Parameters
    ----------
    path
        The file or folder that :func:`write_weights` wrote.

    Returns
    -------
    tuple
        Names to tensors, and the card.

    Raises
    ------
    FileNotFoundError
        If it does not exist.
    ValueError
        If it is not a file of weights, is damaged, or its card does not describe its tensors.
    """
    file = _file(path)
    card, shapes = _card(file), read_shapes(file)
    names, new = upgrade({k: torch.empty(0) for k in shapes}, card)
    check_card(new, dict(zip(names, shapes.values(), strict=True)), file)
    state, _ = read_tensors(file)
    if card["format"] == FORMAT and "fingerprint" not in card:
        raise damaged(file, "its card lacks the checksum")
    stated = card.get("dtype", "float32")
    if any(v.is_floating_point() and str(v.dtype) != f"torch.{stated}" for v in state.values()):
        raise damaged(file, f"its tensors are not of dtype {stated!r}, as its card says")
    require_finite(state, str(file), but=_gaps(card))
    return upgrade(state, card)


def read_card(path: str | PathLike) -> dict[str, Any]:
    """The card alone; raises as :func:`scellm.weights.read_weights` does."""
    return upgrade({}, _card(_file(path)))[1]


def _gaps(card: dict[str, Any]) -> str | None:
    """Imported weights know not all genes of the vocabulary: their gene table has gaps, and only that."""
    return "embedding.gene.weight" if (card.get("model") or {}).get("compat") else None


def _file(path: str | PathLike) -> Path:
    path = Path(path)
    path = path / WEIGHTS if path.is_dir() else path
    if not path.exists():
        hint = "; expected a folder from model.save_pretrained(...), or the weights.safetensors in it."
        if (path.parent / "model.safetensors").exists():
            hint = f"; the folder was written by model.save: read it with scellm.CellLM.load({str(path.parent)!r})."
        msg = f"{path} does not exist{hint}"
        raise FileNotFoundError(msg)
    return path


def _card(path: Path) -> dict[str, Any]:
    try:
        card = read_header(path)
    except ValueError as error:
        msg = (
            f"{error} Expected a file from model.save_pretrained(...). For OpenBioMed's .pth there is "
            "scellm.model.from_openbiomed."
        )
        raise ValueError(msg) from error
    if card.get("format") not in FORMATS or not isinstance(card.get("model"), dict):
        msg = (
            f"{path} holds tensors but no card of a known format {FORMATS} (found {card.get('format')!r}): it was not "
            "written by this version's save_pretrained."
        )
        raise ValueError(msg)
    return card


def to_storage_dtype(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A tensor as it is stored: floating-point numbers in `dtype`, others unchanged."""
    return tensor.to(dtype) if tensor.is_floating_point() else tensor
