"""Integrated gradients: what each gene of a cell contributes to the score of a type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from anndata import AnnData
from jaxtyping import Float
from torch import Tensor

from scellm._tokens import Padded
from scellm.model._gene_values import gene_values
from scellm.module import CellEncoder

_POWER = 4  # most changes while genes are nearly silent, as normalisation amplifies them: nodes are densest there

Score = Callable[[Tensor], Tensor]
"""From cell embeddings, (cells, cell_dim), to a score of each cell, (cells,)."""


def integrated_gradients(
    encoder: CellEncoder, cells: Padded, score: Score, n_steps: int
) -> tuple[Float[Tensor, "cells length"], Float[Tensor, " cells"]]:
    r"""Integrated gradients of a score by the presence of each gene (Sundararajan et al. 2017, arXiv:1703.01365).

    A gene's presence :math:`\alpha` multiplies its vector before the first block and its weight in the pooling; 0
    silences it. All genes go from 0 to 1 together, and gene :math:`g` gets

    .. math:: \int_0^1 \frac{\partial\, \mathrm{score}}{\partial \alpha_g}\, d\alpha .

    The integral is computed with :math:`\alpha = t^4` by Gauss-Legendre quadrature in :math:`t`.

    Parameters
    ----------
    encoder
        The cell encoder.
    cells
        The tokens.
    score
        The score.
    n_steps
        Number of nodes of the quadrature.

    Returns
    -------
    tuple
        The value of each token, 0 for [CLS] and padding; and by how much a cell's values together differ from the score
        of the cell minus that of the same cell with all genes silenced, 0 for an exact integral.
    """
    is_gene = cells.gene < encoder.config.n_genes  # (b, n)
    node, weight = np.polynomial.legendre.leggauss(n_steps)
    t, dt = (node + 1) / 2, weight / 2
    total = torch.zeros(is_gene.shape, dtype=encoder.encoder.norm.weight.dtype, device=is_gene.device)
    for alpha, d_alpha in zip(t**_POWER, _POWER * t ** (_POWER - 1) * dt, strict=True):
        presence = torch.where(is_gene, float(alpha), 1.0).to(total.dtype).requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(score(encoder(replace(cells, presence=presence))).sum(), presence)
        total += float(d_alpha) * slope
    total = total.masked_fill(~is_gene, 0.0)
    with torch.no_grad():
        silent = replace(cells, presence=(~is_gene).to(total.dtype))
        change = score(encoder(cells)) - score(encoder(silent))  # (b,)
    return total, total.sum(1) - change


def contributions(
    model: Any, adata: AnnData, types: np.ndarray, n_steps: int, batch_size: int | None = None
) -> tuple[sp.csr_matrix, np.ndarray]:
    """What each gene of each cell contributes to the score of a type: its logit minus the mean of all logits.

    Parameters
    ----------
    model
        A model that knows types.
    adata
        Cells, prepared.
    types
        Position of the type of each cell in the model's types, int, (cells,).
    n_steps
        Number of nodes of the quadrature.
    batch_size
        Cells read at once.

    Returns
    -------
    tuple
        float32, cells by the columns of the stored bins; and the error of the integral of each cell, (cells,).
    """
    errors = np.zeros(adata.n_obs)

    def of_chunk(cells: Padded, rows: np.ndarray) -> Tensor:
        chosen = torch.as_tensor(types[rows], device=model._encoder.device)[:, None]

        def score(z: Tensor) -> Tensor:
            logits = model.module.type_logits(z)  # (cells, types)
            return logits.gather(1, chosen).squeeze(1) - logits.mean(1)

        found, error = integrated_gradients(model._encoder, cells, score, n_steps)
        errors[rows] = error.cpu().numpy()
        return found

    return gene_values(model, adata, of_chunk, batch_size, "contributions"), errors
