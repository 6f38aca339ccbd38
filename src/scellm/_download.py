"""Downloads: a cache folder, mirrors, hashes, and instructions for work without a network."""

from __future__ import annotations

import hashlib
import os
from os import PathLike
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import pooch
import requests

_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
CACHE_VARIABLE = "SCELLM_CACHE_DIR"


def cache_folder() -> Path:
    """The folder for downloads: `SCELLM_CACHE_DIR`, or the system's cache folder."""
    return Path(os.environ.get(CACHE_VARIABLE) or pooch.os_cache("scellm"))


def file_name(url: str, default: str) -> str:
    """Name of the file at a URL; the query, such as a signature, is not part of it."""
    return PurePosixPath(urlsplit(url).path).name or default


def shown(url: str) -> str:
    """A URL without what may be secret: user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _reason(error: requests.RequestException) -> str:
    """What went wrong, without the address."""
    status = "" if error.response is None else f" {error.response.status_code}"
    return f"{type(error).__name__}{status}"


def sha256(path: str | PathLike) -> str:
    """SHA-256 of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(
    url: str,
    known_hash: str | None,
    name: str,
    *,
    default_name: str,
    mirror_variable: str | None = None,
    hint: str = "",
) -> Path:
    """Download a file once, and return its path in the cache folder.

    Parameters
    ----------
    url
        An `http(s)` URL.
    known_hash
        SHA-256 that the file must have; `None` accepts any.
    name
        Name that the user gave, for messages.
    default_name
        Name of the file if the URL has none.
    mirror_variable
        Environment variable that may hold the URL of a mirror.
    hint
        Instruction for work without a network, for the message.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    ConnectionError
        If the download fails.
    ValueError
        If the file has a different hash; it is removed.
    PermissionError
        If the cache folder is not writable.
    """
    mirror = os.environ.get(mirror_variable) if mirror_variable else None
    url = f"{mirror.rstrip('/')}/{file_name(url, default_name)}" if mirror else url
    if url.startswith("http://") and known_hash is None and urlsplit(url).hostname not in _THIS_MACHINE:
        msg = f"{shown(url)} is not encrypted, and what comes from it could be changed. Pass known_hash=, or use https."
        raise ValueError(msg)
    folder = cache_folder()
    key = known_hash or hashlib.sha256(url.encode()).hexdigest()
    stored = f"{key[:16]}-{file_name(url, default_name)}"  # two files may share a name
    try:
        downloader = pooch.HTTPDownloader(progressbar=True, timeout=60)
        return Path(pooch.retrieve(url, known_hash, fname=stored, path=folder, downloader=downloader))
    except requests.RequestException as error:
        msg = (
            f"{shown(name) if '://' in name else repr(name)} could not be downloaded from {shown(url)}: "
            f"{_reason(error)}. Without a network: download that file elsewhere "
            f"and {hint}. Downloads are stored in {folder}."
        )
        raise ConnectionError(msg) from None  # the error of requests holds the whole address, with its secrets
    except ValueError:  # pooch: the hash differs; it has removed the file
        msg = f"The file from {shown(url)} does not have the expected hash, and was removed. Try again."
        raise ValueError(msg) from None
    except OSError as error:
        msg = f"Cannot write to {folder} ({error}). Set {CACHE_VARIABLE} to a writable folder."
        raise PermissionError(msg) from error
