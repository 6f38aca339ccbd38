"""Start a model's cell vectors as the principal components of its training cells."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array, diags_array
from scipy.stats import ortho_group
from sklearn.decomposition import PCA

from scellm.data._tokens import Tokens
from scellm.nn._expression_pooling import ExpressionPooling

_RAREST = 1e-3  # a gene of fewer cells than this share weighs no more than one of this share
_RARE = 0.03  # a gene of this share of cells weighs half as much in the sketch as one of none
_SKETCH = 0.7  # of a gene of no cell, beside the components; this and _RARE: benchmarks/linear_start.py


@torch.no_grad()
def start_linear(pooling: ExpressionPooling, cells: Tokens, seed: int = 0) -> None:
    r"""Set what is linear in a pooling to the principal components of given cells.

    A gene weighs :math:`\log(1 / p)` with :math:`p` the share of cells that express it (inverse document frequency, Spärck Jones
    1972), the squares of each cell's bins, so weighted, get length 1, and the components are those of the result. They are then
    turned at random, so that each number holds as much of the variance as any other: whoever scales the columns of an embedding
    would else blow up the components that hold only noise. In the sketch, if there is one, a gene weighs
    :math:`0.7 / (1 + p / 0.03)` beside the components, so that genes of which those know nothing are not lost.

    Parameters
    ----------
    pooling
        Its bins' and genes' weights, vectors of genes and bias are overwritten, and the weights of the sketch but for their signs; what
        reads the encoder is left as it is.
    cells
        Some thousands of cells as a model sees them; at least two. Fewer cells than the width give fewer components.
    seed
        Of the turn.

    Raises
    ------
    ValueError
        If there are fewer than two cells.
    """
    if cells.n_cells < 2:
        msg = f"Components need at least two cells; found {cells.n_cells}."
        raise ValueError(msg)
    n_genes, dim = pooling.weight.shape
    n_bins = len(pooling.level) - 2
    x = csr_array(
        ((cells.bin.numpy() + 1.0) ** 2, cells.gene.numpy(), cells.offsets.numpy()), shape=(cells.n_cells, n_genes)
    )  # (cells, genes)
    expressed = np.bincount(x.indices, minlength=n_genes) / cells.n_cells  # (genes,)
    weight = np.log((1 + _RAREST) / (expressed + _RAREST)) + _RAREST  # above 0 for a gene that all cells express
    x = x @ diags_array(weight)
    length = np.sqrt(x.multiply(x).sum(1))
    x = diags_array(1 / np.maximum(length, np.finfo(float).tiny)) @ x
    found = PCA(min(dim, cells.n_cells - 1), svd_solver="arpack", random_state=seed).fit(csr_array(x))
    turn = ortho_group.rvs(dim, random_state=seed)[: len(found.components_)] if dim > 1 else np.ones((1, 1))
    rows = found.components_.T @ turn * n_genes**0.5  # (genes, dim), of size 1
    pooling.level[:n_bins] = 2 * torch.arange(1.0, n_bins + 1, dtype=torch.float64).log()
    pooling.gain.copy_(torch.from_numpy(np.log(weight)))
    pooling.weight.copy_(torch.from_numpy(rows))
    pooling.bias.copy_(torch.from_numpy(-found.mean_ @ rows / dim**0.5))
    if pooling.sketch:
        size = torch.from_numpy(_SKETCH / (1 + expressed / _RARE) * (n_genes / dim) ** 0.5)  # (genes,)
        pooling.sketch_weight.copy_(pooling.sketch_weight.sign() * size)
    pooling.started.fill_(value=True)
