"""Tokens of real cells for the benchmarks."""

from __future__ import annotations

import numpy as np
import torch
from _data import read

import scellm
from scellm._keys import BINS, GENE
from scellm.data import Tokens


def tokens_of(name: str, cells: int, seed: int = 0) -> Tokens:
    """Tokens of random cells of a data set."""
    adata = read(name)
    rows = np.sort(np.random.default_rng(seed).permutation(adata.n_obs)[:cells])
    adata = adata[rows].copy()
    scellm.pp.prepare(adata)
    x, gene = adata.layers[BINS], adata.var[GENE].to_numpy()
    as_tensor = lambda a: torch.from_numpy(a.astype(np.int64))
    return Tokens(as_tensor(gene[x.indices]), as_tensor(x.data - 1), as_tensor(x.indptr))


def random_cells(lengths: list[int], n_genes: int, seed: int = 0) -> Tokens:
    """Tokens of cells of given lengths, with random genes and bins."""
    rng = np.random.default_rng(seed)
    gene = np.concatenate([rng.permutation(n_genes)[:n] for n in lengths])
    offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]))
    return Tokens(torch.from_numpy(gene), torch.from_numpy(rng.integers(0, 6, len(gene))), offsets)
