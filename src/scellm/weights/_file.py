"""The file format of weights: safetensors with a model card in its header. No code in it is executed."""

from __future__ import annotations

import hashlib
import json
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

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
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    card = {**card, "format": FORMAT}
    tensors = {k: v.detach().cpu().contiguous() for k, v in state.items()}
    save_file(tensors, folder / WEIGHTS, metadata={"card": json.dumps(card)})
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return folder / WEIGHTS


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
        If it is not a file of weights.
    """
    with _opened(path) as file:
        state = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118  it is no dictionary
        return upgrade(state, _card(file, path))


def read_card(path: str | PathLike) -> dict[str, Any]:
    """The card alone; raises as :func:`scellm.weights.read_weights` does."""
    with _opened(path) as file:
        return upgrade({}, _card(file, path))[1]


def _opened(path: str | PathLike) -> Any:
    path = Path(path)
    path = path / WEIGHTS if path.is_dir() else path
    if not path.exists():
        msg = f"{path} does not exist; expected a folder from model.save_pretrained(...), or the {WEIGHTS} in it."
        raise FileNotFoundError(msg)
    try:
        return safe_open(path, framework="pt")
    except SafetensorError as error:
        msg = (
            f"{path} is no safetensors file ({error}); expected a file from model.save_pretrained(...). For "
            "OpenBioMed's .pth there is scellm.model.from_openbiomed."
        )
        raise ValueError(msg) from error


def _card(file: Any, path: str | PathLike) -> dict[str, Any]:
    card = json.loads((file.metadata() or {}).get("card", "{}"))
    if card.get("format") not in FORMATS:
        msg = (
            f"{path} holds tensors but no card of a known format {FORMATS} (found {card.get('format')!r}): it was not "
            "written by this version's save_pretrained."
        )
        raise ValueError(msg)
    return card


def to_storage_dtype(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A tensor as it is stored: floating-point numbers in `dtype`, others unchanged."""
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def fingerprint(state: dict[str, Tensor]) -> str:
    """SHA-256 of the tensors and their names, without the card."""
    found = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
