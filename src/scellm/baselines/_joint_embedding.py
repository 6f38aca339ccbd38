"""Logistic regression on the latent space of scvi-tools' JointEmbeddingSCVI."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from anndata import AnnData

from scellm._random import seeded
from scellm.baselines._feature_classifier import FeatureClassifier
from scellm.baselines._global_scaler import GlobalScaler
from scellm.baselines._log_expression import vocabulary_counts
from scellm.baselines._scvi_data import QUIET, UNLABELED, as_adata
from scellm.data._most_variable import most_variable


class JointEmbedding(FeatureClassifier):
    """scvi-tools' JointEmbeddingSCVI, trained to embed a cell and a thinned copy of it alike, and a linear head.

    Its idea is close to the contrastive objective of this package. It learns from all cells of the data set, labelled
    or not, with the architecture that scvi-tools uses by default. It needs scvi-tools 1.5, and so Python 3.12.

    Parameters
    ----------
    max_epochs
        Epochs.
    n_genes
        Number of genes, those that vary most.
    seed
        Seed of weights and of the order of cells.

    Raises
    ------
    ImportError
        If the installed scvi-tools has no such model.

    Examples
    --------
    >>> methods = {"joint embedding": scellm.baselines.JointEmbedding}  # for scellm.bm.run
    """

    def __init__(self, max_epochs: int = 100, n_genes: int = 2000, seed: int = 0) -> None:
        super().__init__(GlobalScaler())
        self.max_epochs, self.n_genes, self.seed = max_epochs, n_genes, seed
        self._class = _import()

    def prepare_features(self, adata: AnnData) -> None:
        """Train on all cells; labels are not used."""
        counts, _ = vocabulary_counts(adata, np.arange(adata.n_obs))
        self.genes = most_variable(counts, self.n_genes)
        data = as_adata(counts[:, self.genes], np.full(adata.n_obs, UNLABELED, dtype=object))
        self._class.setup_anndata(data)
        with warnings.catch_warnings(), seeded(self.seed):
            warnings.simplefilter("ignore")  # Lightning's advice about loaders and loggers, and its own old calls
            self.latent = self._class(data)
            self.latent.train(max_epochs=self.max_epochs, **QUIET)

    def features(self, adata: AnnData, rows: np.ndarray) -> np.ndarray:
        """Means of the latent space, (cells, 10)."""
        counts, _ = vocabulary_counts(adata, rows)
        data = as_adata(counts[:, self.genes], np.full(len(rows), UNLABELED, dtype=object))
        return np.asarray(self.latent.get_latent_representation(data))


def _import() -> Any:
    try:
        from scvi.external import JointEmbeddingSCVI
    except ImportError as error:
        msg = "JointEmbedding needs scvi-tools 1.5 or later, which needs Python 3.12: pip install 'scvi-tools>=1.5'."
        raise ImportError(msg) from error
    return JointEmbeddingSCVI
