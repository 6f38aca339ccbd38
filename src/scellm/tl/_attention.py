"""Write the attention of [CLS] to each gene into a layer."""

from __future__ import annotations

from os import PathLike

from anndata import AnnData

from scellm import _keys
from scellm._on_disk import copy_of
from scellm.model import TokenModel
from scellm.model._attention_of_cls import attention_of_cls, check_blocks
from scellm.tl._gene_slot import check_gene_slot, write_gene_values
from scellm.tl._model import as_model, check_call
from scellm.tl._provenance import record


def attention(
    adata: AnnData,
    model: TokenModel | str | PathLike,
    *,
    key_added: str = _keys.ATTENTION,
    block: int = -1,
    batch_size: int | None = None,
    copy: bool = False,
) -> AnnData | None:
    """Write how much [CLS] attends to each gene of each cell (paper, appendix C), the mean over heads.

    These are the weights that the attention really used, in time linear in the number of genes. Read them with care:
    they say where one block looked, not what an answer depends on, and much attention goes to genes that are simply
    highly expressed. In `celllm-mini`, [CLS] was read by the tumour-or-normal objective alone, and has no part in the
    embedding. :func:`scellm.tl.contributions` answers what the score of a type depends on.

    Parameters
    ----------
    adata
        Cells by genes; prepared automatically if needed (logged).
    model
        A model with attention, or the name or path of one, such as "celllm-mini". "celllm-bag" has no attention.
    key_added
        Name of the layer.
    block
        Index of the block, from 0; by default the last.
    batch_size
        Cells read at once; affects the speed only.
    copy
        Return a copy with the slot, and do not change `adata`.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.layers['celllm_attention' | key_added]` : :class:`scipy.sparse.csr_matrix` (dtype ``float32``)
        Attention to each expressed gene, (n_obs, n_vars). A row sums to 1 minus the attention of [CLS] to itself. If
        the genes were read from `adata.raw`, it is in `adata.obsm` instead, by the genes of the vocabulary.
    `adata.uns['celllm']['slots']` : :class:`dict`
        For this slot: tool, model, versions, date, block.

    Raises
    ------
    TypeError
        If `adata` is no AnnData or `model` no model.
    ValueError
        If `key_added` cannot be written to disk or is a slot of something else, or the model has no attention or no
        such block.

    Examples
    --------
    >>> scellm.tl.attention(adata, "celllm-mini")
    >>> ax = scellm.pl.attention(adata, "cell_type")
    >>> mean = sc.get.aggregate(adata, "cell_type", "mean", layer="celllm_attention")  # doctest: +SKIP
    """
    check_call(adata, key_added, "scellm.tl.attention")
    check_gene_slot(adata, key_added, batch_size)
    model = as_model(model, "scellm.tl.attention")
    check_blocks(model, block)
    adata = copy_of(adata) if copy else adata
    where = write_gene_values(adata, key_added, attention_of_cls(model, adata, block, batch_size))
    record(adata, "attention", model, {key_added: where}, block=str(block))
    return adata if copy else None
