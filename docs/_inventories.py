"""Inventories for intersphinx, from a table of the names that the pages mention; no network is needed."""

import tomllib
import zlib
from pathlib import Path


def write_inventories(table: Path, folder: Path) -> dict[str, tuple[str, str]]:
    """Write an inventory per library, and return the mapping for intersphinx.

    Parameters
    ----------
    table
        A TOML file: for each library its `url`, and for `class` and `method` a table from a name to a page.
    folder
        Where the inventories go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for library, entries in tomllib.loads(table.read_text(encoding="utf-8")).items():
        url = entries.pop("url")
        lines = [f"{name} py:{role} 1 {page} -" for role, pages in entries.items() for name, page in pages.items()]
        head = f"# Sphinx inventory version 2\n# Project: {library}\n# Version: \n"
        head += "# The remainder of this file is compressed using zlib.\n"
        file = folder / f"{library}.inv"
        file.write_bytes(head.encode() + zlib.compress("\n".join([*lines, ""]).encode()))
        mapping[library] = (url, str(file))
    return mapping
