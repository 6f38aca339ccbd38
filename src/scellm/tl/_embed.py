"""Write cell embeddings into `obsm`."""

from __future__ import annotations

from anndata import AnnData

from scellm import _keys
from scellm.model import TokenModel
from scellm.tl._provenance import record


def embed(
    adata: AnnData,
    model: TokenModel,
    *,
    key_added: str = _keys.EMBEDDING,
    batch_size: int | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Write the embedding of every cell.

    Parameters
    ----------
    adata
        Cells by genes; prepared automatically if needed (logged).
    model
        A pretrained, fine-tuned or loaded model.
    key_added
        Name of the slot in `obsm`.
    batch_size
        Cells read at once; affects the speed only.
    copy
        Return a copy with the slots, and do not change `adata`.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.obsm['X_celllm' | key_added]` : :class:`numpy.ndarray` (dtype ``float32``)
        Cell embeddings, (n_obs, d), for `sc.pp.neighbors(adata, use_rep="X_celllm")`. Use them unscaled: dividing each
        column by its standard deviation (`StandardScaler`) amplifies rarely used dimensions.
        :class:`scellm.baselines.GlobalScaler` divides all by one number.
    `adata.uns['celllm']['slots']` : :class:`dict`
        For this slot: tool, model, versions, date.

    Examples
    --------
    >>> scellm.tl.embed(adata, model)
    >>> sc.pp.neighbors(adata, use_rep="X_celllm")
    >>> sc.tl.umap(adata)
    """
    adata = adata.copy() if copy else adata
    embedding = model.get_latent_representation(adata, batch_size=batch_size)
    adata.obsm[key_added] = embedding
    record(adata, "embed", model, {key_added: "obsm"})
    return adata if copy else None
