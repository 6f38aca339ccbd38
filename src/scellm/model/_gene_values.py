"""A number for each gene of each cell, as a sparse matrix in the columns of the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from anndata import AnnData
from torch import Tensor
from tqdm.auto import tqdm

from scellm._random import seeded
from scellm._threads import calm_threads
from scellm._tokens import Padded, Tokens
from scellm.data._prepared import stored_bins
from scellm.nn._openbiomed import admit

_TOKENS = 8192  # tokens computed at once

OfChunk = Callable[[Padded, np.ndarray], Tensor]
"""From the tokens of some cells and their indices to a value per token, (cells, length)."""


def gene_values(model: Any, adata: AnnData, of_chunk: OfChunk, batch_size: int | None, what: str) -> sp.csr_matrix:
    """A value for each expressed gene of each cell.

    Parameters
    ----------
    model
        A model over tokens.
    adata
        Cells, prepared.
    of_chunk
        Computes the values of cells of similar length.
    batch_size
        Cells read at once.
    what
        What is computed, for the progress bar.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32, cells by the columns of the stored bins: a value for each of these, in the column of its gene.
    """
    bins, ids = stored_bins(adata)
    used = np.unique(bins.indices)
    column = np.full(model._encoder.config.n_genes, -1, np.int64)
    column[ids[used]] = used
    parts, start = [], 0
    with _quiet(model), tqdm(total=adata.n_obs, desc=what, unit="cell", leave=False, disable=None) as bar:
        for batch in model._loader(adata, np.arange(adata.n_obs), batch_size):
            tokens = _admitted(model, Tokens.of(batch))
            value = _of_tokens(model, tokens, of_chunk, start)
            where = (value, column[tokens.gene.numpy()], tokens.offsets.numpy())
            parts.append(sp.csr_matrix(where, shape=(tokens.n_cells, bins.shape[1])))
            start += tokens.n_cells
            bar.update(tokens.n_cells)
    found = sp.csr_matrix(sp.vstack(parts, format="csr"), dtype=np.float32)
    found.sort_indices()
    return found


@contextmanager
def _quiet(model: Any) -> Iterator[None]:
    """Without dropout, with calm threads, and no gradient of the weights."""
    trainable = [p for p in model.module.parameters() if p.requires_grad]
    model.module.eval()
    try:
        for p in trainable:
            p.requires_grad_(requires_grad=False)
        with calm_threads(), seeded():
            yield
    finally:
        for p in trainable:
            p.requires_grad_()


def _admitted(model: Any, tokens: Tokens) -> Tokens:
    """The tokens that the encoder sees: all, but for the published weights, which know fewer genes."""
    config = model._encoder.config
    if not config.compat:
        return tokens
    known = ~model._encoder.encoder.embedding.gene.weight[: config.n_genes, 0].isnan()
    return admit(tokens, known.cpu(), config.compat_length)


def _of_tokens(model: Any, tokens: Tokens, of_chunk: OfChunk, start: int) -> np.ndarray:
    """Values in the order of the tokens, float32."""
    found = np.zeros(len(tokens.gene), np.float32)
    encoder = model._encoder
    for chunk in tokens.cut(_TOKENS, encoder.encoder.max_padding):
        cells = encoder.pad(tokens.select(chunk))
        value = of_chunk(cells, start + chunk.numpy()).float().cpu()  # (cells, length)
        is_gene = torch.arange(value.shape[1])[None] <= tokens.lengths[chunk][:, None]
        is_gene[:, 0] = False  # [CLS]
        found[tokens.positions(chunk).numpy()] = value[is_gene].numpy()
    return found
