"""A cell's vector as a weighted sum over its genes that starts out linear in expression."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, normalize

from scellm.data._tokens import Padded
from scellm.nn._config import Config


class ExpressionPooling(nn.Module):
    r"""A weight per token, from its bin, its gene and its context; the cell is the weighted sum of what each gene stands for.

    With :math:`b` the bin, :math:`g` the gene and :math:`h` the encoder's vector of a token, :math:`[\cdot\,;\cdot]` one vector after another,

    .. math:: s = \exp(\ell_b + w_g + u^\top h), \qquad
              z = \Big[\, c + \frac{1}{\sqrt{d}} \sum_g \frac{s_g}{\lVert s \rVert_2} A_g + U \sum_g \frac{s_g}{\lVert s \rVert_1} h_g \; ; \;
              \sum_g \frac{s_g}{\lVert s \rVert_2} t_g \, e_{\pi(g)} \Big] .

    The first `dim` numbers are the paper's pooling (appendix F: a scalar per token, put back at its gene, then a linear layer; see
    :class:`SparsePooling`) with three changes, each ours: the scalar starts as the expression of the gene rather than at random, the
    row of scalars has length 1, so that depth does not decide where a cell lies, and what the encoder says adds to the sum rather
    than replaces it: :math:`u` and :math:`U` start at zero. Before training a cell is therefore a linear map of its normalised
    expression, which pretraining first sets to the principal components of its cells (:func:`scellm.train.start_linear`); training
    can only depart from that.

    Components know nothing of genes that the training cells lack, and those are what sets a new tissue apart. The other `sketch`
    numbers hold them: each gene has a place :math:`\pi(g)` and a sign, drawn once (count sketch, Charikar et al. 2002), and a weight
    :math:`|t_g|`, high for genes that are rare in the training cells. They are fixed, and take no part in the contrastive objective.

    Parameters
    ----------
    config
        The shape. [CLS] weighs nothing.
    """

    started: Tensor
    place: Tensor
    sketch_weight: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.n_genes, self.sketch = config.n_genes, config.sketch
        # exp() of these is the weight: bins 1, 2, ..., squared, and for [CLS] and [MASK] that of a middle bin.
        level = torch.arange(1.0, config.n_bins + 1)
        self.level = nn.Parameter(2 * torch.cat([level, level.median().expand(2)]).log())
        self.gain = nn.Parameter(torch.zeros(config.n_genes))
        self.weight = nn.Parameter(torch.empty(config.n_genes, config.dim))
        self.bias = nn.Parameter(torch.zeros(config.dim))
        self.gate = nn.Linear(config.dim, 1, bias=False)  # one for all tokens of a cell would cancel
        self.context = nn.Linear(config.dim, config.dim, bias=False)
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))
        nn.init.normal_(self.weight)  # of size 1, as other tables are, so that a learning rate means the same for it
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.context.weight)
        if self.sketch:
            self.register_buffer("place", torch.randint(self.sketch, (config.n_genes,)))
            self.register_buffer("sketch_weight", 2.0 * torch.randint(2, (config.n_genes,)) - 1)

    def forward(self, hidden: Float[Tensor, "cells length dim"], cells: Padded) -> Float[Tensor, "cells cell_dim"]:
        """One vector a cell; a cell without genes gets the bias."""
        with torch.autocast(hidden.device.type, enabled=False):  # a sum over a thousand genes wants all its bits
            hidden = hidden.to(self.weight.dtype)
            gene = cells.gene.clamp(max=self.n_genes - 1)
            share = self._shares(hidden, cells, gene)  # (b, n)
            row = normalize(share, dim=1)  # (b, n)
            linear = embedding_bag(gene, self.weight, per_sample_weights=row, mode="sum")  # (b, d)
            mean = torch.einsum("bn,bnd->bd", share, hidden)
            vector = self.bias + linear / linear.shape[1] ** 0.5 + self.context(mean)
            return torch.cat([vector, self._sketch(row, gene)], 1) if self.sketch else vector

    def _shares(
        self, hidden: Float[Tensor, "cells length dim"], cells: Padded, gene: Tensor
    ) -> Float[Tensor, "cells length"]:
        """Weights that sum to 1; 0 for [CLS] and padding."""
        logit = self.level[cells.bin] + self.gain[gene] + self.gate(hidden).squeeze(-1)
        none = cells.gene >= self.n_genes
        share = logit.masked_fill(none, torch.finfo(logit.dtype).min).softmax(1)  # not -inf: a cell may have no gene
        return share.masked_fill(none, 0.0)

    def _sketch(self, row: Float[Tensor, "cells length"], gene: Tensor) -> Float[Tensor, "cells sketch"]:
        """Each gene at its place, with its sign and weight."""
        value = row * self.sketch_weight[gene]
        return value.new_zeros(len(value), self.sketch).scatter_add(1, self.place[gene], value)
