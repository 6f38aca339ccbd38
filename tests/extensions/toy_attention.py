"""A new attention: every token gets the mean of its cell."""

import torch

from scellm.nn import AttentionKernel


class MeanAttention(AttentionKernel):
    """The mean of the values of a cell's real tokens."""

    def forward(self, q, k, v, real, projection):
        weight = torch.ones_like(q[:, :1, :, :1]) if real is None else real[:, None, :, None].to(v.dtype)
        mean = (v * weight).sum(2, keepdim=True) / weight.sum(2, keepdim=True)
        return mean.expand_as(v)
