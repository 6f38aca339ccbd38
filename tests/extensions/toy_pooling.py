"""A pooling of its own: the largest value of each dimension."""

import torch

from scellm.nn import Pooling


class MaxPooling(Pooling):
    """Maximum over a cell's tokens, [CLS] included."""

    def __init__(self, n_genes, n_bins, dim, hashed_dim=0):
        super().__init__(n_genes, n_bins, dim, hashed_dim)

    def forward(self, hidden, cells):
        if cells.real is not None:
            hidden = hidden.masked_fill(~cells.real[:, :, None], -torch.inf)
        return hidden.amax(1).float()
