"""scANVI of scvi-tools: a variational autoencoder that learns from labelled and unlabelled cells."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd
from anndata import AnnData
from scvi.model import SCANVI, SCVI

from scellm._inputs import cell_positions, require_anndata
from scellm._random import seeded
from scellm.baselines._feature_classifier import labelled
from scellm.baselines._log_expression import vocabulary_counts
from scellm.baselines._scvi_data import QUIET, TYPE, UNLABELED, as_adata
from scellm.data._most_variable import most_variable


class ScANVI:
    """scANVI (Xu et al. 2021, Mol Syst Biol 17:e9620) after scVI, with the default architecture of scvi-tools.

    It reads the counts of the 2,000 genes that vary most. Cells of the data set that are not labelled are learned from
    too. Another data set is predicted by the trained model, as data of the same batch.

    Parameters
    ----------
    max_epochs
        Epochs of scVI and of scANVI.
    n_genes
        Number of genes.
    seed
        Seed of weights, of the order of cells and of sampling. Which cells scvi-tools validates on depends on
        `scvi.settings.seed` instead; :func:`scellm.bm.run` sets it.

    Examples
    --------
    >>> baseline = scellm.baselines.ScANVI((1, 1), 100).fit(adata, "cell_type", indices=range(30))
    >>> types = baseline.predict(adata, indices=range(30, 60))
    """

    def __init__(self, max_epochs: tuple[int, int] = (100, 20), n_genes: int = 2000, seed: int = 0) -> None:
        self.max_epochs, self.n_genes, self.seed = max_epochs, n_genes, seed

    def fit(self, adata: AnnData, labels_key: str, *, indices: Sequence[int] | np.ndarray | None = None) -> Self:
        """Train on all cells; types of the cells in `indices` alone are used.

        Parameters
        ----------
        adata
            Cells by genes.
        labels_key
            Column of `obs` with the types.
        indices
            Cells whose types may be used; by default all.

        Returns
        -------
        ScANVI
            Itself.

        Raises
        ------
        ValueError
            If fewer than two types are among the labelled cells.
        """
        require_anndata(adata, "ScANVI.fit")
        rows, known = labelled(adata, labels_key, indices)
        types = np.full(adata.n_obs, UNLABELED, dtype=object)
        types[rows] = known
        counts, _ = vocabulary_counts(adata, np.arange(adata.n_obs))
        self.genes = most_variable(counts, self.n_genes)
        data = as_adata(counts[:, self.genes], types)
        SCVI.setup_anndata(data, labels_key=TYPE)
        with warnings.catch_warnings(), seeded(self.seed):
            warnings.simplefilter("ignore")  # Lightning's advice about loaders and loggers, and its own old calls
            vae = SCVI(data)
            vae.train(max_epochs=self.max_epochs[0], **QUIET)
            self.model = SCANVI.from_scvi_model(vae, unlabeled_category=UNLABELED)
            self.model.train(max_epochs=self.max_epochs[1], n_samples_per_label=100, **QUIET)
        return self

    def predict(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Predicted cell types, (n,)."""
        return self.predict_proba(adata, indices=indices).idxmax(axis=1).to_numpy(str)

    def predict_proba(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> pd.DataFrame:
        """Probabilities of the types, (n, types)."""
        rows = cell_positions(indices, adata.obs_names)
        counts, _ = vocabulary_counts(adata, rows)
        data = as_adata(counts[:, self.genes], np.full(len(rows), UNLABELED, dtype=object))
        return self.model.predict(data, soft=True).set_axis(adata.obs_names[rows])
