"""Names of the columns of tables in `obsm`."""

from __future__ import annotations

from collections.abc import Sequence


def column_names(types: Sequence[str]) -> list[str]:
    """Names of columns that HDF5 and zarr can hold: a slash would open a group, and some names mean something else."""
    names: list[str] = []
    for name in types:
        plain = name.replace("/", "|")
        plain = f"type {plain!r}" if not plain.strip(". ") or plain == "_index" else plain
        names.append(plain if plain not in names else f"{plain} ({len(names)})")
    return names
