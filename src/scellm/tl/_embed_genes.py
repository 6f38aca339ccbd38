"""Gene vectors into varm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from anndata import AnnData

from scellm import _keys
from scellm.pp import load_vocabulary
from scellm.pp._genes import match_genes
from scellm.tl._provenance import record

if TYPE_CHECKING:
    from scellm.model import CellLM


def embed_genes(
    adata: AnnData, model: CellLM, *, key_added: str = _keys.GENE_VECTORS, copy: bool = False
) -> AnnData | None:
    """Write the vectors of all genes.

    Parameters
    ----------
    adata
        Cells by genes; its genes are matched by name, and need not be prepared.
    model
        Whose gene table is written, as it is now.
    key_added
        Name of the slot in `varm`.
    copy
        Return a copy with the slots, and leave `adata` as it was.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.varm['celllm_genes' | key_added]` : :class:`numpy.ndarray` (dtype ``float32``)
        Vectors, (n_vars, dim); NaN for genes that are not in the vocabulary.
    `adata.uns['celllm']['embed_genes']` : :class:`dict`
        Model, versions, date.

    Examples
    --------
    >>> scellm.tl.embed_genes(adata, model)
    >>> adata.varm["celllm_genes"].shape
    """
    adata = adata.copy() if copy else adata
    table = model.get_gene_embeddings().to_numpy()
    ids = adata.var[_keys.GENE].to_numpy() if _keys.GENE in adata.var else match_genes(adata.var, load_vocabulary()).ids
    vectors = table[ids]  # (n_vars, dim); -1 takes the last row, and is overwritten
    vectors[ids < 0] = np.nan
    adata.varm[key_added] = vectors
    record(adata, "embed_genes", model, {key_added: "varm"})
    return adata if copy else None
