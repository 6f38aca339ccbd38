"""Write what each gene contributes to the score of a type into a layer."""

from __future__ import annotations

import warnings
from os import PathLike

import numpy as np
from anndata import AnnData

from scellm import _keys
from scellm._on_disk import copy_of
from scellm._options import in_range
from scellm.model import CellLM
from scellm.model._contributions import contributions as gene_contributions
from scellm.tl._gene_slot import check_gene_slot, write_gene_values
from scellm.tl._model import as_model, check_call
from scellm.tl._provenance import record

_ERROR = 0.05  # share of the typical sum of contributions from which on the integral is called rough


def contributions(
    adata: AnnData,
    model: CellLM | str | PathLike,
    *,
    cell_type: str | None = None,
    key_added: str = _keys.CONTRIBUTIONS,
    n_steps: int = 10,
    batch_size: int | None = None,
    copy: bool = False,
) -> AnnData | None:
    r"""Write what each gene of each cell contributes to the score of a cell type: integrated gradients.

    The score is the logit of the type minus the mean of the logits of all types. The contributions of a cell's genes
    add up to its score minus that of the same cell with all genes silenced (Sundararajan et al. 2017,
    arXiv:1703.01365). They explain the model, not biology: a gene that contributes is one that the model uses. The head
    that answers from the embedding is explained; the components that join it for a model's own cells
    (:meth:`scellm.CellLM.train`) are not.

    Parameters
    ----------
    adata
        Cells by genes; prepared automatically if needed (logged).
    model
        A model that knows types, as for :func:`scellm.tl.annotate`.
    cell_type
        The type whose score is explained; by default the one that `model.predict` names for each cell.
    key_added
        Name of the layer.
    n_steps
        Nodes of the integral; each costs a forward and a backward pass over the cells.
    batch_size
        Cells read at once; affects the speed only.
    copy
        Return a copy with the slot, and do not change `adata`.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.layers['celllm_contributions' | key_added]` : :class:`scipy.sparse.csr_matrix` (dtype ``float32``)
        Contribution of each expressed gene, in logits, (n_obs, n_vars). If the genes were
        read from `adata.raw`, it is in `adata.obsm` instead, by the genes of the vocabulary.
    `adata.uns['celllm']['slots']` : :class:`dict`
        For this slot: tool, model, versions, date, the type, `n_steps`, and the largest error of the integral.

    Raises
    ------
    TypeError
        If `adata` is no AnnData or `model` no model.
    RuntimeError
        If the model knows no cell types.
    ValueError
        If `key_added` cannot be written to disk or is a slot of something else, or `cell_type` is not a type of the
        model, or `n_steps` or `batch_size` is too small.

    Warns
    -----
    UserWarning
        If contributions differ from the change of the score by more than 5 % of it on average: `n_steps` is too small.

    Examples
    --------
    >>> scellm.tl.contributions(adata, model)
    >>> ax = scellm.pl.attention(adata, "cell_type", key="celllm_contributions")
    """
    check_call(adata, key_added, "scellm.tl.contributions")
    check_gene_slot(adata, key_added, batch_size)
    in_range("n_steps", n_steps, 2, whole=True)
    model = as_model(model, "scellm.tl.contributions")
    names = model._answering().names
    if cell_type is not None and cell_type not in names:
        msg = f"cell_type={cell_type!r} is not a type of this model; expected one of {names[:20]}."
        raise ValueError(msg)
    adata = copy_of(adata) if copy else adata
    types = _types(adata, model, cell_type, batch_size)
    values, errors = gene_contributions(model, adata, types, n_steps, batch_size)
    _warn_of_errors(errors, np.abs(values.sum(axis=1)), n_steps)
    where = write_gene_values(adata, key_added, values)
    known = {"cell_type": cell_type or "the most probable one", "n_steps": str(n_steps)}
    known["largest_error"] = f"{np.abs(errors).max(initial=0):.2g}"
    record(adata, "contributions", model, {key_added: where}, **known)
    return adata if copy else None


def _types(adata: AnnData, model: CellLM, cell_type: str | None, batch_size: int | None) -> np.ndarray:
    """Position of the type to explain, of each cell, int64, (n_obs,)."""
    if cell_type is None:
        return np.asarray(model.predict(adata, soft=True, batch_size=batch_size)).argmax(1)
    model._validate_anndata(adata)
    return np.full(adata.n_obs, model._answering().names.index(cell_type))


def _warn_of_errors(errors: np.ndarray, sums: np.ndarray, n_steps: int) -> None:
    rough = np.abs(errors).mean() / max(float(np.mean(sums)), 1e-12) if len(errors) else 0.0
    if rough > _ERROR:
        msg = (
            f"The contributions of a cell differ from the change of its score by {rough:.0%} of it on average. Pass a "
            f"larger n_steps than {n_steps}, such as n_steps={4 * n_steps}."
        )
        warnings.warn(msg, UserWarning, stacklevel=3)
