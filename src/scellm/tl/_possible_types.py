"""Write which types a cell may have, and name the cells that fit none."""

from __future__ import annotations

import numpy as np
import pandas as pd
from anndata import AnnData

from scellm._logging import logger
from scellm.model._conformal import possible
from scellm.tl._columns import column_names


def write_possible(
    adata: AnnData, key_added: str, probabilities: np.ndarray, p_values: pd.DataFrame, unknown: str, coverage: float
) -> dict[str, str]:
    """Write p-values and sizes of sets, and correct the answers: the most probable possible type, or `unknown`.

    Parameters
    ----------
    adata
        Cells with the answers in `obs[key_added]`.
    key_added
        Name of the answers, and prefix of the names of the slots.
    probabilities
        float32, (n_obs, types).
    p_values
        Cells by types.
    unknown
        Name for cells without a possible type.
    coverage
        Types with a p-value above one minus this are possible.

    Returns
    -------
    dict
        The slots, with the place of each.
    """
    p = p_values.to_numpy()  # (n_obs, types)
    inside = possible(p, coverage)
    size = inside.sum(1)
    types = np.array(p_values.columns, dtype=object)
    best = np.where(inside, probabilities, -1.0).argmax(1)
    adata.obs[key_added] = pd.Categorical(np.where(size > 0, types[best], unknown), categories=[*types, unknown])
    answered = np.where(size > 0, best, probabilities.argmax(1))
    adata.obs[f"{key_added}_confidence"] = probabilities[np.arange(len(p)), answered]
    adata.obs[f"{key_added}_p_value"] = p.max(1).astype(np.float32)
    adata.obs[f"{key_added}_set_size"] = size.astype(np.int32)
    table = pd.DataFrame(p.astype(np.float32), index=adata.obs_names, columns=column_names(list(types)))
    adata.obsm[f"{key_added}_p_values"] = table
    logger.info(
        f"annotate: {int((size == 0).sum()):,} of {len(p):,} cells fit no learned type and are {unknown!r}; "
        f"{size[size > 0].mean() if size.any() else 0:.2f} possible types for each of the others, on average"
    )
    return {f"{key_added}_p_value": "obs", f"{key_added}_set_size": "obs", f"{key_added}_p_values": "obsm"}
