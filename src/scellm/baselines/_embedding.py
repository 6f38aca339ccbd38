"""How much a frozen embedding knows: logistic regression on it."""

from __future__ import annotations

import numpy as np
from anndata import AnnData

from scellm.baselines._on_features import OnFeatures
from scellm.baselines._one_scale import OneScale


class EmbeddingLogisticRegression(OnFeatures):
    """Logistic regression on a slot of `obsm`, columns centred and all scaled by one number.

    Parameters
    ----------
    use_rep
        The slot, such as what :func:`scellm.tl.embed` writes. A KeyError says so if it is not there.
    C
        Inverse strength of the L2 penalty.
    max_iter
        Iterations of L-BFGS.

    Examples
    --------
    >>> scellm.tl.embed(adata, model)
    >>> probe = scellm.baselines.EmbeddingLogisticRegression("X_celllm").fit(adata, "cell_type", indices=train)
    """

    def __init__(self, use_rep: str, C: float = 1.0, max_iter: int = 1000) -> None:
        super().__init__(OneScale(), C, max_iter)
        self.use_rep = use_rep

    def features(self, adata: AnnData, rows: np.ndarray) -> np.ndarray:
        """Rows of the slot."""
        if self.use_rep not in adata.obsm:
            msg = f"use_rep={self.use_rep!r} is not in adata.obsm, which holds {list(adata.obsm)}. Run scellm.tl.embed(adata, model) first."
            raise KeyError(msg)
        return np.asarray(adata.obsm[self.use_rep])[rows]
