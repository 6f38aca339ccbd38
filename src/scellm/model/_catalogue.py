"""Weights by name: what there is, and how it gets here."""

from __future__ import annotations

import hashlib
import json
import os
import re
from importlib.resources import as_file, files
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pooch
import requests

from scellm._logging import logger
from scellm.model._weights import WEIGHTS, read_card, sha256

CACHE_VARIABLE, MIRROR_VARIABLE = "SCELLM_CACHE_DIR", "SCELLM_WEIGHTS_MIRROR"
_COLUMNS = ["name", "where", "size_mb", "sha256", "licence", "description"]


def catalogue() -> dict[str, dict[str, Any]]:
    """Entries of `weights.json` by name: `file` (in the package) or `url`, `sha256`, `size`, `licence`, `description`."""
    return json.loads(files("scellm.model").joinpath("weights.json").read_text(encoding="utf-8"))


def available() -> pd.DataFrame:
    """Weights that :meth:`scellm.CellLM.from_pretrained` knows by name, one a row."""
    rows = [
        {**entry, "name": name, "where": "in the package" if "file" in entry else entry["url"], "size_mb": entry["size"] / 1e6}
        for name, entry in catalogue().items()
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=_COLUMNS).set_index("name")


def cache_folder() -> Path:
    """Where downloads are kept: `SCELLM_CACHE_DIR`, or the system's cache folder."""
    return Path(os.environ.get(CACHE_VARIABLE) or pooch.os_cache("scellm"))


def find_weights(name: str | os.PathLike, known_hash: str | None = None) -> Path:
    """A local file with the weights, downloaded if need be.

    Parameters
    ----------
    name
        A name of :func:`available`, a path, or an `http(s)` address of a `weights.safetensors`.
    known_hash
        SHA-256 that the file must have; for a name of :func:`available` the one that is listed there.

    Returns
    -------
    pathlib.Path
        A file, or a folder with one.

    Raises
    ------
    ValueError
        If the name is none of these, the hash is another or is none, or what was downloaded is no file of weights.
    ConnectionError
        If the download fails; the message says what to do without a network.
    """
    entry, known_hash = catalogue().get(str(name)), _plain_hash(known_hash)
    if entry is not None and "file" in entry:
        with as_file(files("scellm.model").joinpath(entry["file"])) as path:
            return _checked(path, known_hash or entry["sha256"])
    if entry is not None:
        return _download(_mirrored(entry["url"]), known_hash or entry["sha256"], str(name))
    if str(name).startswith(("http://", "https://")):
        return _download(str(name), known_hash, _file_name(str(name)))
    if not Path(name).exists():
        msg = f"{str(name)!r} is no name of weights, no path and no address. By name there are {list(catalogue()) or 'none yet'}; see CellLM.available()."
        raise ValueError(msg)
    return Path(name) if known_hash is None else _checked(Path(name), known_hash)


def _plain_hash(known_hash: str | None) -> str | None:
    """Sixty-four lower-case digits, whichever way they were written."""
    if known_hash is None:
        return None
    plain = known_hash.strip().lower().removeprefix("sha256:")
    if not re.fullmatch("[0-9a-f]{64}", plain):
        msg = f"known_hash={known_hash!r} is no SHA-256; expected its 64 hexadecimal digits."
        raise ValueError(msg)
    return plain


def _mirrored(url: str) -> str:
    """The address at the mirror, where one is set."""
    mirror = os.environ.get(MIRROR_VARIABLE)
    return f"{mirror.rstrip('/')}/{_file_name(url)}" if mirror else url


def _file_name(url: str) -> str:
    """Of the file that an address is of; a signature in the query is no part of it."""
    return PurePosixPath(urlsplit(url).path).name or WEIGHTS


def _download(url: str, known_hash: str | None, name: str) -> Path:
    folder = cache_folder()
    key = known_hash or hashlib.sha256(url.encode()).hexdigest()
    fname = f"{key[:16]}-{_file_name(url)}"  # two models may share a file name
    try:
        downloader = pooch.HTTPDownloader(progressbar=True, timeout=60)
        path = Path(pooch.retrieve(url, known_hash, fname=fname, path=folder, downloader=downloader))
    except requests.RequestException as error:
        msg = (
            f"{name!r} could not be had from {url}: {error}. Without a network: download that file elsewhere and pass its path to "
            f"from_pretrained, or set {MIRROR_VARIABLE} to an address that holds it. Downloads are kept in {folder}."
        )
        raise ConnectionError(msg) from error
    except ValueError as error:  # pooch: the hash differs; it has removed the file
        msg = f"What came from {url} is not the file that was asked for, and was removed: {error}. Try again; if it stays so, do not trust it."
        raise ValueError(msg) from error
    except OSError as error:
        msg = f"{folder} cannot be written ({error}). Set {CACHE_VARIABLE} to a folder that can."
        raise PermissionError(msg) from error
    if known_hash is None:
        _check_unknown(path, url)
    return path


def _check_unknown(path: Path, url: str) -> None:
    """Keep no page that says "log in", and say how to be sure of the rest."""
    try:
        read_card(path)
    except ValueError as error:
        path.unlink()
        msg = f"What came from {url} is no file of weights, and was removed ({error}). Open the address in a browser: it may ask to log in."
        raise ValueError(msg) from error
    logger.warning("%s was not checked; pass known_hash=%r to be sure of it from now on", url, sha256(path))


def _checked(path: Path, known_hash: str) -> Path:
    """A file, or a folder with one, that is known to be the right one."""
    found = sha256(path / WEIGHTS if path.is_dir() else path)
    if found != known_hash:
        msg = f"{path} has SHA-256 {found}, not {known_hash}: it is another file."
        raise ValueError(msg)
    return path
