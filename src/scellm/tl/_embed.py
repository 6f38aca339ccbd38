"""Cell vectors into obsm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anndata import AnnData

from scellm import _keys
from scellm.tl._provenance import record

if TYPE_CHECKING:
    from scellm.model import CellLM


def embed(
    adata: AnnData,
    model: CellLM,
    *,
    key_added: str = _keys.EMBEDDING,
    batch_size: int | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Write the vectors of all cells.

    Parameters
    ----------
    adata
        Cells by genes; prepared first, and that is said, if it was not.
    model
        Pretrained, trained or loaded.
    key_added
        Name of the slot in `obsm`.
    batch_size
        Cells read at once; changes the speed only.
    copy
        Return a copy with the slots, and leave `adata` as it was.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.obsm['X_celllm' | key_added]` : :class:`numpy.ndarray` (dtype ``float32``)
        Vectors, (n_obs, d); made for `sc.pp.neighbors(adata, use_rep="X_celllm")`. Take them as they are: scaling each column
        (`StandardScaler`) blows up rare ones. :class:`scellm.baselines.OneScale` divides all by one number.
    `adata.uns['celllm']['embed']` : :class:`dict`
        Model, versions, date.

    Examples
    --------
    >>> scellm.tl.embed(adata, model)
    >>> sc.pp.neighbors(adata, use_rep="X_celllm")
    >>> sc.tl.umap(adata)
    """
    adata = adata.copy() if copy else adata
    vectors = model.get_latent_representation(adata, batch_size=batch_size)
    adata.obsm[key_added] = vectors
    record(adata, "embed", model, {key_added: "obsm"})
    return adata if copy else None
