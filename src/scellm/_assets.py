"""Data files included in the package."""

from __future__ import annotations

import gzip
from importlib.resources import files


def read_asset(room: str, name: str) -> bytes:
    """Read a data file of a subpackage; a file whose name ends in `.gz` is decompressed.

    Parameters
    ----------
    room
        The package that holds the file, such as "scellm.genes".
    name
        Name of the file.

    Returns
    -------
    bytes
        Content of the file.
    """
    content = files(room).joinpath(name).read_bytes()
    return gzip.decompress(content) if name.endswith(".gz") else content
