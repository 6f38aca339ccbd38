"""Files that come with the package."""

from __future__ import annotations

import gzip
from importlib.resources import files


def read_asset(room: str, name: str) -> bytes:
    """Content of a file of a room, decompressed if its name ends in `.gz`.

    Parameters
    ----------
    room
        The package that holds the file, such as "scellm.genes".
    name
        Name of the file.

    Returns
    -------
    bytes
        The content.
    """
    content = files(room).joinpath(name).read_bytes()
    return gzip.decompress(content) if name.endswith(".gz") else content
