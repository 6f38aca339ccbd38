"""A slot with a value for each expressed gene of each cell, and the names of its genes."""

from __future__ import annotations

import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from scellm import _keys
from scellm._compat import layer_names
from scellm._inputs import own_entries
from scellm._options import in_range
from scellm.data._prepared import in_obsm
from scellm.genes import load_vocabulary

TOOLS = ("attention", "contributions")
"""The tools that write such slots."""


def check_gene_slot(adata: AnnData, key: str, batch_size: int | None) -> None:
    """Raise unless the slot is free or was written by one of these tools, and the batch size is possible."""
    if batch_size is not None:
        in_range("batch_size", batch_size, 1, whole=True)
    there = key in layer_names(adata) or key in adata.obsm
    if there and _recorded(adata, key).get("tool") not in TOOLS:
        msg = (
            f"key_added={key!r} is a layer or an entry of obsm that was not written by this tool, and would be "
            f"overwritten. Pass another name, such as {key + '_by_gene'!r}."
        )
        raise ValueError(msg)


def write_gene_values(adata: AnnData, key: str, values: sp.csr_matrix) -> str:
    """Write the values beside the bins, and return the place: "layers", or "obsm" for genes that `adata` lacks."""
    where = "obsm" if in_obsm(adata) else "layers"
    for slot in ("layers", "obsm"):  # an earlier call may have written to the other place
        if key in getattr(adata, slot):
            del getattr(adata, slot)[key]
    getattr(adata, where)[key] = values
    return where


def read_gene_values(adata: AnnData, key: str, writer: str) -> tuple[sp.csr_matrix, pd.Index]:
    """The values and the names of their genes; raises KeyError that names the call that writes them."""
    if key in layer_names(adata):
        return sp.csr_matrix(adata.layers[key]), adata.var_names
    if key in adata.obsm and adata.obsm[key].shape[1] == len(load_vocabulary()):
        return sp.csr_matrix(adata.obsm[key]), pd.Index(load_vocabulary().symbols)
    msg = (
        f"{key!r} is in neither adata.layers, which holds {list(layer_names(adata))[:8]}, nor adata.obsm. Run {writer} "
        "first."
    )
    raise KeyError(msg)


def _recorded(adata: AnnData, key: str) -> dict:
    return own_entries(adata, _keys.UNS).get(_keys.SLOTS, {}).get(key, {})
