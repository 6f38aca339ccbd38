"""A slot with a value for each expressed gene of each cell, and the names of its genes."""

from __future__ import annotations

import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from scellm._compat import layer_names
from scellm.data._prepared import in_obsm
from scellm.genes import load_vocabulary


def write_gene_values(adata: AnnData, key: str, values: sp.csr_matrix) -> str:
    """Write the values beside the bins, and return the place: "layers", or "obsm" for genes that `adata` lacks."""
    where = "obsm" if in_obsm(adata) else "layers"
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
