"""Graph attention of DGL."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from scellm.train.graphmae._backend import GraphAttentionLayer

os.environ.setdefault("DGLBACKEND", "pytorch")  # otherwise DGL prints advice and writes a file into the home folder

import dgl
from dgl.nn.pytorch import GATConv


def make_graph(edges: np.ndarray, n_nodes: int, device: torch.device) -> Any:
    """A `dgl.DGLGraph` with these edges, which include loops already."""
    source, target = (torch.from_numpy(end.copy()) for end in edges)
    return dgl.graph((source, target), num_nodes=n_nodes).to(device)


class GraphAttention(GraphAttentionLayer):
    """`dgl.nn.GATConv`.

    Parameters
    ----------
    dim_in, width, heads
        Width of the input, and of each head.
    attention_dropout
        Probability.
    """

    def __init__(self, dim_in: int, width: int, heads: int, attention_dropout: float) -> None:
        super().__init__()
        self.conv = GATConv(dim_in, width, heads, attn_drop=attention_dropout, negative_slope=0.2)

    def weights(self) -> dict[str, nn.Parameter]:
        """The parameters by the names that all back ends share."""
        conv = self.conv
        return {"weight": conv.fc.weight, "source": conv.attn_l, "target": conv.attn_r, "bias": conv.bias}

    def forward(self, x: Tensor, graph: Any) -> Tensor:
        """(n, dim_in) to (n, heads * width)."""
        return self.conv(graph, x).flatten(1)
