"""Write predicted cell types into `obs`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm import _keys
from scellm.model import CellLM
from scellm.tl._provenance import record


def annotate(
    adata: AnnData, model: CellLM, *, key_added: str = _keys.TYPE, batch_size: int | None = None, copy: bool = False
) -> AnnData | None:
    """Write the predicted cell type of every cell, its confidence, and the probabilities of all types.

    Parameters
    ----------
    adata
        Cells by genes, labelled or not; prepared automatically if needed (logged).
    model
        A model that was trained on cell types with `model.train()`.
    key_added
        Name of the slot in `obs`, and prefix of the names of the other two.
    batch_size
        Cells read at once; affects the speed only.
    copy
        Return a copy with the slots, and do not change `adata`.

    Returns
    -------
    Returns `None` if `copy=False`, else an `AnnData`. Sets the following fields:

    `adata.obs['celllm_type' | key_added]` : :class:`pandas.Series` (dtype ``category``)
        The most probable type; the categories are all types the model knows.
    `adata.obs['celllm_type_confidence']` : :class:`pandas.Series` (dtype ``float32``)
        Its probability, from the softmax; not calibrated.
    `adata.obsm['celllm_type_probabilities']` : :class:`pandas.DataFrame` (dtype ``float32``)
        Probabilities, cells by types.
    `adata.uns['celllm']['slots']` : :class:`dict`
        For each of these slots: tool, model, versions, date.

    Examples
    --------
    >>> scellm.tl.annotate(adata, model)
    >>> sc.pl.umap(adata, color=["celllm_type", "celllm_type_confidence"])  # doctest: +SKIP
    """
    adata = adata.copy() if copy else adata
    probabilities = model.predict(adata, soft=True, batch_size=batch_size)
    best = probabilities.to_numpy().argmax(1)
    confidence, table = f"{key_added}_confidence", f"{key_added}_probabilities"
    adata.obs[key_added] = pd.Categorical.from_codes(best, categories=probabilities.columns)
    adata.obs[confidence] = probabilities.to_numpy()[np.arange(len(best)), best].astype(np.float32)
    adata.obsm[table] = probabilities.set_axis(adata.obs_names)
    record(adata, "annotate", model, {key_added: "obs", confidence: "obs", table: "obsm"})
    return adata if copy else None
