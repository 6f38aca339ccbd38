"""Files of tensors: safetensors with plain values in the header. No code in them is executed."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

_HEADER, _FINGERPRINT, _PART = "card", "fingerprint", ".part"


def fingerprint(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of tensors with their names, dtypes and shapes."""
    found = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def require_finite(state: Mapping[str, Tensor], what: str, *, but: str | None = None) -> None:
    """Raise ValueError that names the tensors with values that are not finite; `but` is the end of a name to pass."""
    checked = {k: v for k, v in state.items() if v.is_floating_point() and not (but and k.endswith(but))}
    bad = [k for k, v in checked.items() if not bool(torch.isfinite(v).all())]
    if bad:
        msg = f"{what} holds values that are not finite, in {bad[:3]}: it is not usable."
        raise ValueError(msg)


def write_tensors(path: str | PathLike, state: Mapping[str, Tensor], header: Mapping[str, Any]) -> Path:
    """Write a file at once: whoever reads `path` finds the old file or the new one, and never a part.

    Parameters
    ----------
    path
        The file; its folder is created if needed.
    state
        Names to tensors.
    header
        Plain numbers, strings, lists and dictionaries. A checksum of the tensors is added.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    OSError
        If it cannot be written, such as for want of space; an existing file stays as it was.
    """
    path = Path(path)
    tensors = {k: v.detach().cpu().contiguous().clone() for k, v in state.items()}
    card = json.dumps({**header, _FINGERPRINT: fingerprint(tensors)})
    part = None
    try:
        part = new_part(path)
        save_file(tensors, part, metadata={_HEADER: card})
        replace_durably(part, path)
    except (OSError, RuntimeError, SafetensorError) as error:
        msg = f"{path} could not be written ({error}). Free space or choose another folder; nothing was replaced."
        raise OSError(msg) from error
    finally:
        if part is not None:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    return path


def new_part(path: Path) -> Path:
    """Make an empty file beside `path` to write to, and the folder if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_PART, dir=path.parent)
    os.close(handle)
    return Path(part)


def remove_parts(path: Path, before: float) -> None:
    """Delete what writers that were killed left beside `path` before a time, in seconds as of :func:`time.time`."""
    drawn = "[a-z0-9_]" * 8  # by mkstemp
    for part in path.parent.glob(f".{glob.escape(path.name)}.{drawn}{_PART}"):
        with suppress(OSError):
            if part.stat().st_mtime < before:
                part.unlink(missing_ok=True)


def replace_durably(part: Path, path: Path) -> None:
    """Move a finished file into place, so that it survives a crash of the machine."""
    os.chmod(part, 0o644)  # noqa: PTH101  as an ordinary file; mkstemp gives 0600
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)
    if hasattr(os, "O_DIRECTORY"):  # not on Windows
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_header(path: str | PathLike) -> dict[str, Any]:
    """The header alone; raises as :func:`read_tensors` does."""
    with _opened(Path(path)) as file:
        return _header(file, path)


def read_shapes(path: str | PathLike) -> dict[str, tuple[int, ...]]:
    """Names and shapes, without reading the tensors."""
    with _opened(Path(path)) as file:
        return {k: tuple(file.get_slice(k).get_shape()) for k in file.keys()}  # noqa: SIM118  it is no dictionary


def read_tensors(path: str | PathLike) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a file, and check its checksum.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    tuple
        Names to tensors, and the header.

    Raises
    ------
    ValueError
        If it is no such file, or damaged.
    """
    with _opened(Path(path)) as file:
        header = _header(file, path)
        try:
            state = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118  it is no dictionary
        except (SafetensorError, RuntimeError, ValueError) as error:
            raise damaged(path, error) from error
    stated = header.get(_FINGERPRINT)
    if stated is not None and stated != fingerprint(state):
        raise damaged(path, "its tensors do not have the checksum of its header")
    return state, header


def damaged(path: str | PathLike, why: object) -> ValueError:
    """The error for a damaged file."""
    return ValueError(f"{path} is damaged ({why}). Take a fresh copy, or write it again.")


def _opened(path: Path) -> Any:
    if not stat.S_ISREG(path.stat().st_mode):
        msg = f"{path} is no regular file."
        raise ValueError(msg)
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError, ValueError) as error:
        msg = f"{path} is no safetensors file ({error})."
        raise ValueError(msg) from error


def _header(file: Any, path: str | PathLike) -> dict[str, Any]:
    try:
        header = json.loads((file.metadata() or {}).get(_HEADER, "{}"))
    except (ValueError, RecursionError, TypeError) as error:
        raise damaged(path, error) from error
    if not isinstance(header, dict):
        raise damaged(path, f"its header is a {type(header).__name__}, not a dictionary")
    return header
