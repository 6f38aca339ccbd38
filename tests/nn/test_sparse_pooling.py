import torch

from scellm.data import Tokens
from scellm.nn import SparsePooling


def test_equals_the_dense_formula_of_the_paper():
    torch.manual_seed(0)
    pooling = SparsePooling(50, 6, 12).double()
    tokens = Tokens(torch.tensor([3, 9, 40, 0, 49]), torch.zeros(5, dtype=torch.long), torch.tensor([0, 3, 3, 5]))
    cells = tokens.pad(50, 6)
    hidden = torch.randn(3, cells.gene.shape[1], 12, dtype=torch.float64, requires_grad=True)
    got = pooling(hidden, cells)
    # a convolution of width dim, its scalars written to rows of all genes and [CLS], then the linear layer
    conv = torch.nn.functional.conv2d(hidden[:, None], pooling.scalar.weight[None, None], pooling.scalar.bias)[
        :, 0, :, 0
    ]
    rows = torch.zeros(3, 51, dtype=torch.float64)
    for i, n in enumerate([3, 0, 2]):
        rows[i, cells.gene[i, : n + 1]] = conv[i, : n + 1]
    want = rows @ pooling.weight + pooling.bias
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)
    weight = torch.randn_like(got)
    for a, b in zip(
        torch.autograd.grad((got * weight).sum(), [hidden, *pooling.parameters()], retain_graph=True),
        torch.autograd.grad((want * weight).sum(), [hidden, *pooling.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_a_map_of_the_embeddings_is_folded_into_the_weights():
    torch.manual_seed(0)
    pooling = SparsePooling(9, 5, 4).double()
    tokens = Tokens(torch.tensor([3, 0, 8]), torch.tensor([1, 2, 4]), torch.tensor([0, 1, 3]))
    padded, matrix = tokens.pad(9, 5), torch.randn(4, 4, dtype=torch.float64)
    hidden = torch.randn(*padded.gene.shape, 4, dtype=torch.float64)
    before = pooling(hidden, padded)
    pooling.transform(matrix)
    torch.testing.assert_close(pooling(hidden, padded), before @ matrix)
    assert pooling.gene_vectors.shape == (9, 4)
