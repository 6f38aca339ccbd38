"""scANVI of scvi-tools: a variational autoencoder that learns from labelled and unlabelled cells."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from scvi.model import SCANVI, SCVI

from scellm._inputs import cell_positions, require_anndata
from scellm._labels import NO_LABEL, Labels
from scellm._random import seeded
from scellm.data._prepared import PreparedCounts, ensure_prepared
from scellm.genes import load_vocabulary

_TYPE, _UNLABELED = "type", "unlabeled"
_QUIET: dict[str, Any] = {"accelerator": "cpu", "enable_progress_bar": False}


class ScANVI:
    """scANVI (Xu et al. 2021, Mol Syst Biol 17:e9620) with the defaults of scvi-tools, after scVI on the same cells.

    It reads the counts of the 2,000 genes that vary most. Cells of the data set that are not labelled are learned from
    too. Another data set is predicted by the trained model, as data of the same batch.

    Parameters
    ----------
    max_epochs
        Epochs of scVI and of scANVI.
    n_genes
        Number of genes.
    seed
        Seed of weights, of the order of cells and of sampling.

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
        rows = cell_positions(indices, adata.obs_names)
        names = Labels.of(adata.obs, labels_key).names
        types = np.full(adata.n_obs, _UNLABELED, dtype=object)
        labelled = rows[names[rows] != NO_LABEL]
        if len(np.unique(names[labelled].astype(str))) < 2:
            msg = f"obs[{labels_key!r}] holds fewer than two types among the {len(labelled):,} labelled cells given."
            raise ValueError(msg)
        types[labelled] = names[labelled]
        counts = _counts(adata)
        self.genes = _most_variable(counts, self.n_genes)
        data = _as_adata(counts[:, self.genes], types)
        SCVI.setup_anndata(data, labels_key=_TYPE)
        with warnings.catch_warnings(), seeded(self.seed):
            warnings.simplefilter("ignore")  # Lightning's advice about loaders and loggers, and its own old calls
            vae = SCVI(data)
            vae.train(max_epochs=self.max_epochs[0], **_QUIET)
            self.model = SCANVI.from_scvi_model(vae, unlabeled_category=_UNLABELED)
            self.model.train(max_epochs=self.max_epochs[1], n_samples_per_label=100, **_QUIET)
        return self

    def predict(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Predicted cell types, (n,)."""
        return self.predict_proba(adata, indices=indices).idxmax(axis=1).to_numpy(str)

    def predict_proba(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> pd.DataFrame:
        """Probabilities of the types, (n, types)."""
        rows = cell_positions(indices, adata.obs_names)
        counts = _counts(adata)[rows][:, self.genes]
        data = _as_adata(counts, np.full(len(rows), _UNLABELED, dtype=object))
        return self.model.predict(data, soft=True).set_axis(adata.obs_names[rows])


def _counts(adata: AnnData) -> sp.csr_matrix:
    """Counts on the vocabulary, float32, (cells, genes)."""
    ensure_prepared(adata)
    found = PreparedCounts.of(adata).rows(np.arange(adata.n_obs))
    shape = (adata.n_obs, len(load_vocabulary()))
    return sp.csr_matrix((found.count.astype(np.float32), found.gene, found.offsets), shape=shape)


def _most_variable(counts: sp.csr_matrix, n: int) -> np.ndarray:
    """The genes whose variance is largest beside their mean, ascending."""
    mean = np.asarray(counts.mean(axis=0)).ravel()
    variance = np.asarray(counts.multiply(counts).mean(axis=0)).ravel() - mean**2
    ratio = np.where(mean > 0, variance / np.maximum(mean, 1e-12), 0.0)
    return np.sort(np.argsort(-ratio, kind="stable")[: min(n, int((mean > 0).sum()))])


def _as_adata(counts: sp.csr_matrix, types: np.ndarray) -> AnnData:
    obs = pd.DataFrame({_TYPE: pd.Categorical(types.astype(str))}, index=[f"{i}" for i in range(counts.shape[0])])
    return AnnData(sp.csr_matrix(counts), obs=obs)
