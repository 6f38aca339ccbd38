import numpy as np
import pytest
import torch

from tests.reference import graphmae as reference


def test_a_layer_is_the_formula_of_graph_attention():
    pytest.importorskip("torch_geometric", reason="torch_geometric is not installed: pip install 'scellm[graph]'")
    from scellm.train.graphmae._pyg import GraphAttention, make_graph

    torch.manual_seed(0)
    edges = np.array([[0, 1, 2, 0, 1, 2], [1, 2, 0, 0, 1, 2]])
    adjacent = torch.zeros(3, 3, dtype=torch.bool)
    adjacent[edges[1], edges[0]] = True
    layer = GraphAttention(4, 5, 2, 0.0).double()
    layer.reset_parameters(torch.Generator().manual_seed(1))
    x, w = torch.randn(3, 4, dtype=torch.float64), layer.weights()
    want = reference.attention(x, adjacent, w["weight"], w["source"][0], w["target"][0], w["bias"])
    torch.testing.assert_close(layer(x, make_graph(edges, 3, torch.device("cpu"))), want, rtol=1e-10, atol=1e-12)
