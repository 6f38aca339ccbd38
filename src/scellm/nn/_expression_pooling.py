"""Pooling by a weighted sum over genes, which is initially linear in expression."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_array, diags_array
from scipy.stats import ortho_group
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, normalize

from scellm._tokens import Padded, Tokens
from scellm.nn._pooling import Pooling

_RAREST = 1e-3  # genes in fewer cells than this share get the weight of this share
_RARE = 0.03  # in the hashed features, a gene in this share of cells has half the weight of an absent gene
_HASHED_SIZE = 0.7  # hashed weight of an absent gene, relative to components; see benchmarks/linear_start.py


class ExpressionPooling(Pooling):
    r"""A weight per token, from its bin, gene and context; the cell is a weighted sum of gene vectors.

    With :math:`b` the bin, :math:`g` the gene and :math:`h` the encoder's output of a token, and
    :math:`[\cdot\,;\cdot]` for concatenation,

    .. math:: s = \exp(\ell_b + w_g + u^\top h), \qquad
              z = \Big[\, c + \frac{1}{\sqrt{d}} \sum_g \frac{s_g}{\lVert s \rVert_2} A_g
              + U \sum_g \frac{s_g}{\lVert s \rVert_1} h_g \; ; \;
              \sum_g \frac{s_g}{\lVert s \rVert_2} t_g \, e_{\pi(g)} \Big] .

    The first `dim` dimensions are the paper's pooling (appendix F; see :class:`SparsePooling`) with three changes of
    ours. The scalar is initialised to the expression of the gene rather than at random. The row of scalars has length
    1, so that the embedding depends little on sequencing depth. The encoder adds a residual rather than replacing the
    sum, as :math:`u` and :math:`U` are initialised to zero. Before training, a cell embedding is therefore a linear map
    of normalised expression, which :meth:`initialize` sets to the principal components of the training cells.

    Components ignore genes absent from the training cells, and those distinguish a new tissue. The other `hashed_dim`
    dimensions hold them as a count sketch (Charikar et al. 2002): each gene has an index :math:`\pi(g)` and a sign,
    drawn once, and a weight :math:`|t_g|`, which is high for genes that are rare in the training cells. These
    dimensions are fixed, and take no part in the contrastive objective.

    Parameters
    ----------
    n_genes, n_bins, dim
        As in :class:`Pooling`. [CLS] has no weight.
    hashed_dim
        Dimensions of hashed gene features; 0 for none.
    """

    initialized: Tensor
    hashed_index: Int[Tensor, " genes"]
    hashed_weight: Float[Tensor, " genes"]

    def __init__(self, n_genes: int, n_bins: int, dim: int, hashed_dim: int) -> None:
        super().__init__(n_genes, n_bins, dim, hashed_dim)
        self.n_genes, self.hashed_dim = n_genes, hashed_dim
        # exp() of these is the weight: bins 1, 2, ..., squared, and for [CLS] and [MASK] that of a middle bin.
        level = torch.arange(1.0, n_bins + 1)
        self.level = nn.Parameter(2 * torch.cat([level, level.median().expand(2)]).log())
        self.gain = nn.Parameter(torch.zeros(n_genes))
        self.weight = nn.Parameter(torch.empty(n_genes, dim))
        self.bias = nn.Parameter(torch.zeros(dim))
        self.gate = nn.Linear(dim, 1, bias=False)  # a bias, equal for all tokens of a cell, would cancel
        self.context = nn.Linear(dim, dim, bias=False)
        self.register_buffer("initialized", torch.zeros((), dtype=torch.bool))
        nn.init.normal_(self.weight)  # of size 1, as other tables are, so that one learning rate suits them all
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.context.weight)
        if hashed_dim:
            self.register_buffer("hashed_index", torch.randint(hashed_dim, (n_genes,)))
            self.register_buffer("hashed_weight", 2.0 * torch.randint(2, (n_genes,)) - 1)

    @staticmethod
    def cell_dim(dim: int, hashed_dim: int) -> int:
        """Learned and hashed dimensions."""
        return dim + hashed_dim

    def forward(self, hidden: Float[Tensor, "cells length dim"], cells: Padded) -> Float[Tensor, "cells cell_dim"]:
        """One embedding per cell; a cell without genes gets the bias."""
        with torch.autocast(hidden.device.type, enabled=False):  # a sum over a thousand genes needs full precision
            hidden = hidden.to(self.weight.dtype)
            gene = cells.gene.clamp(max=self.n_genes - 1)
            share = self._shares(hidden, cells, gene)  # (b, n)
            row = normalize(share, dim=1)  # (b, n)
            if cells.presence is not None:
                share, row = share * cells.presence, row * cells.presence
            linear = embedding_bag(gene, self.weight, per_sample_weights=row, mode="sum")  # (b, d)
            mean = torch.einsum("bn,bnd->bd", share, hidden)
            vector = self.bias + linear / linear.shape[1] ** 0.5 + self.context(mean)
            return torch.cat([vector, self._hashed(row, gene)], 1) if self.hashed_dim else vector

    def _shares(
        self, hidden: Float[Tensor, "cells length dim"], cells: Padded, gene: Int[Tensor, "cells length"]
    ) -> Float[Tensor, "cells length"]:
        """Weights that sum to 1; 0 for [CLS] and padding."""
        logit = self.level[cells.bin] + self.gain[gene] + self.gate(hidden).squeeze(-1)
        none = cells.gene >= self.n_genes
        share = logit.masked_fill(none, torch.finfo(logit.dtype).min).softmax(1)  # not -inf: a cell may have no gene
        return share.masked_fill(none, 0.0)

    def _hashed(
        self, row: Float[Tensor, "cells length"], gene: Int[Tensor, "cells length"]
    ) -> Float[Tensor, "cells hashed_dim"]:
        """Each gene at its index, with its sign and weight."""
        value = row * self.hashed_weight[gene]
        return value.new_zeros(len(value), self.hashed_dim).scatter_add(1, self.hashed_index[gene], value)

    @property
    def needs_cells(self) -> bool:
        """Whether the components are still to be computed."""
        return not bool(self.initialized)

    @property
    def gene_vectors(self) -> Float[Tensor, "genes dim"]:
        """The vectors of the genes."""
        return self.weight

    @torch.no_grad()
    def transform(self, matrix: Float[Tensor, "dim dim"]) -> None:
        """Multiply the learned dimensions by a matrix; hashed dimensions stay as they are."""
        matrix = matrix.to(self.weight)
        self.weight.copy_(self.weight @ matrix)
        self.bias.copy_(self.bias @ matrix)
        self.context.weight.copy_(matrix.T @ self.context.weight)

    @torch.no_grad()
    def initialize(self, tokens: Tokens, seed: int = 0) -> None:
        r"""Set the linear part to the principal components of given cells.

        The squared bins of each cell are weighted, scaled to length 1, and decomposed into principal components. The
        weight of a gene is :math:`\log(1 / p)` with :math:`p` the share of cells that express it (inverse document
        frequency, Spärck Jones 1972). A random rotation then spreads the variance evenly, so that column scaling cannot
        amplify noise components. In the hashed features, the weight of a gene relative to the components is :math:`0.7
        / (1 + p / 0.03)`, so that genes absent from the components are kept.

        Parameters
        ----------
        tokens
            A few thousand cells as a model sees them; at least two. Fewer cells than `dim` give fewer components. The
            weights of bins and genes, the gene vectors, the bias and the size of the hashed weights are overwritten;
            the layers that read the encoder are not changed.
        seed
            Seed of the rotation.

        Raises
        ------
        ValueError
            If there are fewer than two cells.
        """
        if tokens.n_cells < 2:
            msg = f"Principal components need at least two cells; found {tokens.n_cells}."
            raise ValueError(msg)
        n_genes, dim = self.weight.shape
        n_bins = len(self.level) - 2
        x = csr_array(
            ((tokens.bin.numpy() + 1.0) ** 2, tokens.gene.numpy(), tokens.offsets.numpy()),
            shape=(tokens.n_cells, n_genes),
        )  # (cells, genes)
        expressed = np.bincount(x.indices, minlength=n_genes) / tokens.n_cells  # (genes,)
        weight = np.log((1 + _RAREST) / (expressed + _RAREST)) + _RAREST  # above 0 for a gene that all cells express
        mean, rows = _rotated_components(x @ diags_array(weight), dim, seed)
        self.level[:n_bins] = 2 * torch.arange(1.0, n_bins + 1, dtype=torch.float64).log()
        self.gain.copy_(torch.from_numpy(np.log(weight)))
        self.weight.copy_(torch.from_numpy(rows))
        self.bias.copy_(torch.from_numpy(-mean @ rows / dim**0.5))
        if self.hashed_dim:
            size = torch.from_numpy(_HASHED_SIZE / (1 + expressed / _RARE) * (n_genes / dim) ** 0.5)  # (genes,)
            self.hashed_weight.copy_(self.hashed_weight.sign() * size)
        self.initialized.fill_(value=True)


def _rotated_components(x: csr_array, dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean, (genes,), and principal components, (genes, dim), of the rows of `x` brought to length 1."""
    length = np.sqrt(x.multiply(x).sum(1))
    x = diags_array(1 / np.maximum(length, np.finfo(float).tiny)) @ x
    found = PCA(min(dim, x.shape[0] - 1), svd_solver="arpack", random_state=seed).fit(csr_array(x))
    rotation = ortho_group.rvs(dim, random_state=seed)[: len(found.components_)] if dim > 1 else np.ones((1, 1))
    return found.mean_, found.components_.T @ rotation * x.shape[1] ** 0.5  # rows of size 1
