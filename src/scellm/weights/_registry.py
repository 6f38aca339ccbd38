"""Weights by name: the list, and how to find or download them."""

from __future__ import annotations

import json
import re
from importlib.resources import as_file, files
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from scellm._assets import read_asset
from scellm._download import download, file_name, sha256, shown
from scellm._logging import logger
from scellm.weights._file import WEIGHTS, read_card

MIRROR_VARIABLE = "SCELLM_WEIGHTS_MIRROR"
_COLUMNS = ["name", "where", "size_mb", "types", "sha256", "licence", "description"]


def registry() -> dict[str, dict[str, Any]]:
    """Entries of `weights.json` by name: `file` or `url`, `sha256`, `size`, `types`, `licence`, `description`."""
    return json.loads(read_asset("scellm.weights", "weights.json"))


def available() -> pd.DataFrame:
    """Weights that :meth:`scellm.CellLM.from_pretrained` knows by name.

    Returns
    -------
    pandas.DataFrame
        Indexed by name: `where` (in the package, or a URL), `size_mb`, `types` (how many cell types it can name; 0 for
        weights that only embed), `sha256`, `licence`, `description`.
    """
    rows = [
        entry
        | {
            "name": name,
            "where": "in the package" if "file" in entry else entry["url"],
            "size_mb": entry["size"] / 1e6,
            "types": entry.get("types", 0),
        }
        for name, entry in registry().items()
    ]
    return pd.DataFrame(rows, columns=_COLUMNS).set_index("name")


def find_weights(name: str | PathLike, known_hash: str | None = None) -> Path:
    """Find a local file with the weights; download it if necessary.

    Parameters
    ----------
    name
        A name of :func:`available`, a path, or an `http(s)` URL of a `weights.safetensors`.
    known_hash
        SHA-256 that the file must have; for a name of :func:`available` the listed one.

    Returns
    -------
    pathlib.Path
        A file, or a folder with one.

    Raises
    ------
    ValueError
        If the name is none of these, the hash differs or is not a SHA-256, or the downloaded file holds no weights.
    ConnectionError
        If the download fails; the message explains how to work without a network.
    """
    entry, known_hash = registry().get(str(name)), _plain_hash(known_hash)
    if entry is not None and "file" in entry:
        with as_file(files("scellm.weights").joinpath(entry["file"])) as path:
            return _checked(path, known_hash or entry["sha256"])
    if entry is not None:
        return _download(entry["url"], known_hash or entry["sha256"], str(name), mirror=True)
    if str(name).startswith(("http://", "https://")):
        return _download(str(name), known_hash, file_name(str(name), WEIGHTS))
    if not Path(name).exists():
        msg = (
            f"{str(name)!r} is not a known name, a path or a URL. Known names are {list(registry()) or 'none yet'}; "
            "see CellLM.available()."
        )
        raise ValueError(msg)
    return Path(name) if known_hash is None else _checked(Path(name), known_hash)


def _plain_hash(known_hash: str | None) -> str | None:
    """The 64 lower-case digits of a hash, from any notation."""
    if known_hash is None:
        return None
    if not isinstance(known_hash, str):
        msg = f"known_hash must be the 64 hexadecimal digits of a SHA-256; found {known_hash!r}."
        raise ValueError(msg)
    plain = known_hash.strip().lower().removeprefix("sha256:")
    if not re.fullmatch("[0-9a-f]{64}", plain):
        msg = f"known_hash={known_hash!r} is no SHA-256; expected its 64 hexadecimal digits."
        raise ValueError(msg)
    return plain


def _download(url: str, known_hash: str | None, name: str, *, mirror: bool = False) -> Path:
    variable = MIRROR_VARIABLE if mirror else None
    hint = f"pass its path to from_pretrained, or set {MIRROR_VARIABLE} to the URL of a mirror"
    path = download(url, known_hash, name, default_name=WEIGHTS, mirror_variable=variable, hint=hint)
    if known_hash is None:
        _check_unknown(path, url)
    return path


def _check_unknown(path: Path, url: str) -> None:
    """Reject HTML log-in pages, and log how to verify the file in future."""
    try:
        read_card(path)
    except ValueError as error:
        path.unlink()
        msg = (
            f"The file from {shown(url)} holds no weights, and was removed ({error}). Open the address in a browser: "
            "it may ask to log in."
        )
        raise ValueError(msg) from error
    logger.warning("%s was not verified; pass known_hash=%r to verify it in future", shown(url), sha256(path))


def _checked(path: Path, known_hash: str) -> Path:
    """Check the hash of a file, or of the weights in a folder."""
    found = sha256(path / WEIGHTS if path.is_dir() else path)
    if found != known_hash:
        msg = f"{path} has SHA-256 {found}, not {known_hash}: it is another file."
        raise ValueError(msg)
    return path
