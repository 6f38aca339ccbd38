"""scBERT as a method for benchmarks, in its shape and without its pretraining."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
import torch
from anndata import AnnData
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm.auto import trange

from scellm._inputs import cell_positions, require_anndata
from scellm._options import in_range, one_of
from scellm._random import seeded
from scellm.baselines._feature_classifier import labelled
from scellm.baselines._log_expression import vocabulary_counts
from scellm.data._label_split import stratified
from scellm.data._most_variable import most_variable
from scellm.genes import read_gene_embeddings
from scellm.genes._vectors import vocabulary_rows
from scellm.nn import ScBERTNetwork
from scellm.nn._scbert_network import BINS, SHAPE
from scellm.train import class_weights
from scellm.train._best_weights import BestWeights

_VALIDATION = 0.1  # of the labelled cells; the public code stops on the cells that it reports


class ScBERTLike:
    """A network of the shape of scBERT on the genes of the data, with the genes that a cell does not express.

    It is not scBERT (Yang et al. 2022), whose gene vectors and pretrained weights cannot be obtained. Blocks start from
    random weights, gene vectors are those of this package, and the genes are those that vary most, not all 16,906. As
    published, the last but one block, the last LayerNorm and the head are trained, by Adam, with types weighted by the
    squared share of other types. The best epoch is chosen on a tenth of the labelled cells.

    What the other blocks compute is kept: 800 bytes for each labelled cell and gene.

    Parameters
    ----------
    n_genes
        Number of genes, those that vary most; fewer if fewer occur.
    gene_embeddings
        As for :class:`scellm.CellLM`.
    max_epochs, patience
        Passes over the labelled cells at most, and how many without a better validation loss end them.
    batch_size, lr
        Cells per step, and the learning rate.
    seed
        Seed of weights, of the order of cells and of the validation cells.
    **shape
        Other shapes, as for :class:`scellm.nn.ScBERTNetwork`.

    Raises
    ------
    ValueError
        If an option is out of its range.

    Examples
    --------
    >>> methods = {"scBERT-like, zeros kept": lambda: scellm.model.ScBERTLike(1000)}  # for scellm.bm.run
    """

    def __init__(
        self,
        n_genes: int = 4000,
        gene_embeddings: pd.DataFrame | str | PathLike = "string",
        *,
        max_epochs: int = 30,
        patience: int = 10,
        batch_size: int = 8,
        lr: float = 1e-4,
        seed: int = 0,
        **shape: int,
    ) -> None:
        whole = {"n_genes": n_genes, "max_epochs": max_epochs, "patience": patience, "batch_size": batch_size}
        for name, value in whole.items():
            in_range(name, value, 1, whole=True)
        for name, value in shape.items():
            one_of("option", name, SHAPE)
            in_range(name, value, 2 if name == "depth" else 1, whole=True)
        in_range("lr", lr, 0, open_low=True)
        in_range("seed", seed, 0, whole=True)
        self.n_genes, self.gene_embeddings, self.shape = n_genes, gene_embeddings, shape
        self.max_epochs, self.patience, self.batch_size = max_epochs, patience, batch_size
        self.lr, self.seed = lr, seed

    def fit(self, adata: AnnData, labels_key: str, *, indices: Sequence[int] | np.ndarray | None = None) -> Self:
        """Choose the genes on all cells, and train on labelled cells.

        Parameters
        ----------
        adata
            Cells by genes.
        labels_key
            Column of `obs` with the types; cells without one are left out.
        indices
            Cells whose types may be used; by default all.

        Returns
        -------
        ScBERTLike
            Itself.

        Raises
        ------
        ValueError
            If fewer than two types are among the labelled cells.
        """
        require_anndata(adata, "ScBERTLike.fit")
        rows, names = labelled(adata, labels_key, indices)
        self.types, codes = np.unique(names, return_inverse=True)
        self.genes = most_variable(vocabulary_counts(adata, np.arange(adata.n_obs))[0], self.n_genes)
        rng = np.random.default_rng(self.seed)
        with seeded(self.seed):
            self._make_network()
            self._train(self._fixed_tokens(adata, rows), codes, rng)
        return self

    def predict(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> np.ndarray:
        """Predicted cell types, (n,)."""
        return self.predict_proba(adata, indices=indices).idxmax(axis=1).to_numpy(str)

    def predict_proba(self, adata: AnnData, *, indices: Sequence[int] | np.ndarray | None = None) -> pd.DataFrame:
        """Probabilities of the types, (n, types)."""
        rows = cell_positions(indices, adata.obs_names)
        with torch.inference_mode():
            found = [self.network(self.network.fixed(bins)).softmax(1) for bins in self._batches(adata, rows)]
        table = torch.cat([torch.zeros(0, len(self.types)), *found]).numpy()
        return pd.DataFrame(table, index=adata.obs_names[rows], columns=self.types)

    def _make_network(self) -> None:
        """The network, with the vectors of the chosen genes."""
        table = read_gene_embeddings(self.gene_embeddings)
        width = None if table is None else table.shape[1]
        self.network = ScBERTNetwork(len(self.genes), len(self.types), width, **self.shape)
        if table is not None:
            ids, values = vocabulary_rows(table)
            _, own, given = np.intersect1d(self.genes, ids, assume_unique=True, return_indices=True)
            self.network.encoder.embedding.gene.load_vectors(own, values[given])
        self.network.requires_grad_(requires_grad=False)
        for part in self.network.trained():
            part.requires_grad_(requires_grad=True)

    def _batches(self, adata: AnnData, rows: np.ndarray) -> Iterator[Int[Tensor, "cells genes"]]:
        """Bins of some cells, a batch at a time, as they are dense in the chosen genes."""
        counts, total = vocabulary_counts(adata, rows)
        bins = scbert_bins(counts[:, self.genes], total)
        for start in range(0, len(rows), self.batch_size):
            yield torch.from_numpy(bins[start : start + self.batch_size].toarray().astype(np.int64))

    def _fixed_tokens(self, adata: AnnData, rows: np.ndarray) -> Float[Tensor, "cells tokens dim"]:
        """Tokens of some cells after the blocks that are not trained."""
        dim = self.network.encoder.config.dim
        found = torch.empty(len(rows), len(self.genes) + 1, dim)
        for part, bins in zip(found.split(self.batch_size), self._batches(adata, rows), strict=True):
            part.copy_(self.network.fixed(bins))
        return found

    def _train(self, tokens: Float[Tensor, "cells tokens dim"], given: np.ndarray, rng: np.random.Generator) -> None:
        """Epochs of Adam, and the weights of the one with the lowest validation loss."""
        parts = stratified(np.arange(len(given)), given, _VALIDATION, self.seed)
        rest, held_out = (torch.from_numpy(part) for part in parts)
        codes = torch.from_numpy(given)
        weights = class_weights("paper-code", given[parts[0]], list(self.types))
        trained = [p for part in self.network.trained() for p in part.parameters()]
        optimizer = torch.optim.Adam(trained, self.lr)
        best = BestWeights()
        for _ in trange(self.max_epochs, desc="scBERT-like", disable=None):
            shuffled = rest[torch.from_numpy(rng.permutation(len(rest)))]
            for at in shuffled.split(self.batch_size):
                optimizer.zero_grad()
                cross_entropy(self.network(tokens[at]), codes[at], weights).backward()
                optimizer.step()
            if len(held_out):
                best.update(self._loss(tokens, codes, held_out, weights), self.network)
                if best.without_progress == self.patience:
                    break
        best.restore(self.network)

    @torch.no_grad()
    def _loss(
        self,
        tokens: Float[Tensor, "cells tokens dim"],
        codes: Int[Tensor, " cells"],
        rows: Int[Tensor, " chosen"],
        weights: Float[Tensor, " types"] | None,
    ) -> float:
        """Mean cross-entropy of some cells, weighted as in training."""
        logits = torch.cat([self.network(tokens[at]) for at in rows.split(self.batch_size)])  # (chosen, types)
        return float(cross_entropy(logits, codes[rows], weights))


def scbert_bins(counts: sp.csr_matrix, total: np.ndarray) -> sp.csr_matrix:
    """The bins of scBERT: the whole part of log2 of one plus counts per 10,000, at most 5; (cells, genes), sparse.

    Parameters
    ----------
    counts
        Cells by genes.
    total
        Sum over all genes of each cell, (cells,).
    """
    scaled = (sp.diags(1e4 / np.where(total > 0, total, 1)) @ counts).tocsr()
    scaled.data = np.minimum(np.floor(np.log2(1 + scaled.data)), BINS - 1).astype(np.int8)
    return scaled
