import torch

from scellm._random import seeded
from scellm._tokens import Padded
from scellm.nn import ScBERTNetwork

SMALL = {"dim": 8, "depth": 3, "heads": 2, "dim_head": 4}


def network():
    with seeded(3):  # with some seeds the ReLU of a network as small as this is 0 for every token
        return ScBERTNetwork(30, 4, 5, **SMALL)


def test_the_published_shape():
    made = ScBERTNetwork(10, 3, 7)
    config = made.encoder.config
    assert (config.dim, config.depth, config.heads, config.dim_head, config.features) == (200, 6, 10, 64, 266)
    assert (config.n_bins, config.dropout, config.train_genes) == (6, 0, False)
    assert [tuple(layer.weight.shape) for layer in made.head[::2]] == [(512, 11), (128, 512), (3, 128)]


def test_both_halves_are_the_encoder_and_the_head():
    """Beside the encoder called at once on the same rectangle."""
    made, bins = network().double(), torch.randint(0, 6, (5, 30))
    fixed = made.fixed(bins)
    gene = torch.cat([torch.full((5, 1), 30), torch.arange(30).expand(5, 30)], dim=1)
    hidden = made.encoder(Padded(gene, torch.cat([torch.full((5, 1), 6), bins], dim=1), None))
    expected = made.head(torch.relu(hidden @ made.scalar.weight.T + made.scalar.bias)[..., 0])
    torch.testing.assert_close(made(fixed), expected, rtol=1e-10, atol=1e-10)
    assert fixed.shape == (5, 31, 8)
    assert not fixed.requires_grad


def test_only_what_is_trained_changes_with_the_labels():
    made = network()
    made.requires_grad_(requires_grad=False)
    for part in made.trained():
        part.requires_grad_(requires_grad=True)
    made(made.fixed(torch.randint(0, 6, (2, 30)))).sum().backward()
    names = {n.split(".")[0] + "." + n.split(".")[1] for n, p in made.named_parameters() if p.grad is not None}
    assert {n for n in names if n.startswith("encoder")} == {"encoder.blocks", "encoder.norm"}
    blocks = {n.split(".")[2] for n, p in made.named_parameters() if ".blocks." in n and p.grad is not None}
    assert blocks == {"1"}, "of three blocks, the last but one"


def test_genes_that_are_not_expressed_count():
    made = network()
    bins = torch.zeros(1, 30, dtype=torch.int64)
    other = bins.clone()
    other[0, 3] = 1
    assert not torch.equal(made(made.fixed(bins)), made(made.fixed(other)))
