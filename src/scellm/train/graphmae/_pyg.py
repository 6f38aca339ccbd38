"""Graph attention of PyTorch Geometric."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.nn import GATConv

from scellm.train.graphmae._backend import GraphAttentionLayer


def make_graph(edges: np.ndarray, n_nodes: int, device: torch.device) -> Tensor:
    """Edges, int64, (2, edges), which include loops already."""
    return torch.from_numpy(np.ascontiguousarray(edges)).to(device)


class GraphAttention(GraphAttentionLayer):
    """`torch_geometric.nn.GATConv`.

    Parameters
    ----------
    dim_in, width, heads
        Width of the input, and of each head.
    attention_dropout
        Probability.
    """

    def __init__(self, dim_in: int, width: int, heads: int, attention_dropout: float) -> None:
        super().__init__()
        self.conv = GATConv(dim_in, width, heads, dropout=attention_dropout, negative_slope=0.2, add_self_loops=False)

    def weights(self) -> dict[str, nn.Parameter]:
        """The parameters by the names that all back ends share."""
        conv = self.conv
        return {"weight": conv.lin.weight, "source": conv.att_src, "target": conv.att_dst, "bias": conv.bias}

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        """(n, dim_in) to (n, heads * width)."""
        return self.conv(x, graph)
