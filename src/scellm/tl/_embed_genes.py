"""Write gene embeddings into `varm`."""

from __future__ import annotations

from os import PathLike

import numpy as np
from anndata import AnnData

from scellm import _keys
from scellm._on_disk import copy_of
from scellm.genes import load_vocabulary, match_genes
from scellm.model import TokenModel
from scellm.tl._model import as_model, check_call
from scellm.tl._provenance import record


def embed_genes(
    adata: AnnData, model: TokenModel | str | PathLike, *, key_added: str = _keys.GENE_EMBEDDING, copy: bool = False
) -> AnnData | None:
    """Write the embedding of every gene.

    Parameters
    ----------
    adata
        Cells by genes; its genes are matched by name, and need not be prepared.
    model
        The model whose current gene table is written; or the name of pretrained weights, or a path, which are loaded.
    key_added
        Name of the slot in `varm`.
    copy
        Return a copy with the slots, and do not change `adata`.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.varm['celllm_genes' | key_added]` : :class:`numpy.ndarray` (dtype ``float32``)
        Gene embeddings, (n_vars, dim); NaN for genes that are not in the vocabulary.
    `adata.uns['celllm']['slots']` : :class:`dict`
        For this slot: tool, model, versions, date.

    Raises
    ------
    TypeError
        If `adata` is no AnnData or `model` no model.
    ValueError
        If `key_added` cannot be written to disk.

    Examples
    --------
    >>> scellm.tl.embed_genes(adata, model)
    >>> adata.varm["celllm_genes"].shape
    (2400, 16)
    """
    check_call(adata, key_added, "scellm.tl.embed_genes")
    model = as_model(model, "scellm.tl.embed_genes")
    adata = copy_of(adata) if copy else adata
    table = model.get_gene_embeddings().to_numpy()
    ids = adata.var[_keys.GENE].to_numpy() if _keys.GENE in adata.var else match_genes(adata.var, load_vocabulary()).ids
    rows = table[ids]  # (n_vars, dim); -1 takes the last row, which is overwritten
    rows[ids < 0] = np.nan
    adata.varm[key_added] = rows
    record(adata, "embed_genes", model, {key_added: "varm"})
    return adata if copy else None
