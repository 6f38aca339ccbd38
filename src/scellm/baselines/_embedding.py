"""How much a frozen embedding knows: logistic regression on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from anndata import AnnData
from sklearn.linear_model import LogisticRegression as SklearnLogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class EmbeddingLogisticRegression:
    """Logistic regression on a slot of `obsm`, each column brought to mean 0 and variance 1.

    Parameters
    ----------
    use_rep
        The slot, such as what :func:`scellm.tl.embed` writes.
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
        self.use_rep = use_rep
        self.model = make_pipeline(StandardScaler(), SklearnLogisticRegression(C=C, max_iter=max_iter))

    def fit(
        self, adata: AnnData, labels_key: str, *, indices: Sequence[int] | np.ndarray | None = None
    ) -> EmbeddingLogisticRegression:
        """Learn types from labelled cells.

        Parameters
        ----------
        adata
            With the slot.
        labels_key
            Column of `obs` with the types.
        indices
            Which cells; by default all.

        Returns
        -------
        EmbeddingLogisticRegression
            Itself.

        Raises
        ------
        KeyError
            If the slot is not there.
        """
        rows = np.arange(adata.n_obs) if indices is None else np.asarray(indices)
        self.model.fit(self._vectors(adata)[rows], adata.obs[labels_key].astype(str).to_numpy()[rows])
        return self

    def predict(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Types of cells, by name, (n,)."""
        rows = np.arange(adata.n_obs) if indices is None else np.asarray(indices)
        return self.model.predict(self._vectors(adata)[rows])

    def _vectors(self, adata: AnnData) -> np.ndarray:
        if self.use_rep not in adata.obsm:
            msg = f"use_rep={self.use_rep!r} is not in adata.obsm, which holds {list(adata.obsm)}. Run scellm.tl.embed(adata, model) first."
            raise KeyError(msg)
        return np.asarray(adata.obsm[self.use_rep])
