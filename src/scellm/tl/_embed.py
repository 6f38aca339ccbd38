"""Write cell embeddings into `obsm`."""

from __future__ import annotations

from os import PathLike

from anndata import AnnData

from scellm import _keys
from scellm._on_disk import copy_of
from scellm._options import one_of
from scellm.model import TokenModel
from scellm.model._own_features import joined_features
from scellm.tl._model import as_model, check_call
from scellm.tl._provenance import record
from scellm.tl._smoothing import check_smooth, smoothed

ADAPT = (None, "pca")


def embed(
    adata: AnnData,
    model: TokenModel | str | PathLike,
    *,
    key_added: str = _keys.EMBEDDING,
    adapt: str | None = None,
    smooth: int | None = None,
    batch_size: int | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Write the embedding of every cell.

    Parameters
    ----------
    adata
        Cells by genes; prepared automatically if needed (logged).
    model
        A pretrained, fine-tuned or loaded model; or the name of pretrained weights, or a path, which are loaded.
    key_added
        Name of the slot in `obsm`.
    adapt
        "pca" joins the embedding with 50 principal components of the log expression of these cells, each part centred
        and divided by one number. It separates types within one data set better. It looks at all cells passed (never
        at their labels), so a cell's vector then depends on the other cells, and vectors of two calls cannot be
        compared; across studies, `None` transfers better.
    smooth
        A number of neighbours, such as 10: a cell's vector is half its own, half the mean of those of its nearest cells
        (Euclidean distance in the first 50 principal components of the vectors). It separates types better where cells
        are shallow, and blurs rare types and gradients. As with `adapt`, a cell's vector then depends on the others.
    batch_size
        Cells read at once; affects the speed only.
    copy
        Return a copy with the slots, and do not change `adata`.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.obsm['X_celllm' | key_added]` : :class:`numpy.ndarray` (dtype ``float32``)
        Cell embeddings, (n_obs, d), for `sc.pp.neighbors(adata, use_rep="X_celllm")`; with `adapt="pca"`, (n_obs, d +
        50). Use them unscaled: dividing each column by its standard deviation (`StandardScaler`) amplifies rarely used
        dimensions. :class:`scellm.baselines.GlobalScaler` divides all by one number.
    `adata.uns['celllm']['slots']` : :class:`dict`
        For this slot: tool, model, versions, date.

    Raises
    ------
    TypeError
        If `adata` is no AnnData or `model` no model.
    ValueError
        If `key_added` cannot be written to disk, `adapt` is not known, or `smooth` is no number of neighbours.

    Examples
    --------
    >>> scellm.tl.embed(adata, "celllm-bag")
    >>> sc.pp.neighbors(adata, use_rep="X_celllm")
    >>> sc.tl.umap(adata)
    """
    check_call(adata, key_added, "scellm.tl.embed")
    one_of("adapt", adapt, ADAPT)
    check_smooth(adata, smooth, clusters=False)
    model = as_model(model, "scellm.tl.embed")
    adata = copy_of(adata) if copy else adata
    embedding = model.get_latent_representation(adata, batch_size=batch_size)
    if adapt is not None:
        embedding = joined_features(embedding, adata)
    if smooth is not None:
        embedding = smoothed(embedding, embedding, smooth)
    adata.obsm[key_added] = embedding
    record(adata, "embed", model, {key_added: "obsm"}, adapt=adapt or "none", smooth=str(smooth or "none"))
    return adata if copy else None
