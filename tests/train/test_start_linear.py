import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from scellm.data import Tokens
from scellm.nn import ExpressionPooling, make_config
from scellm.train import start_linear

GENES, BINS, DIM = 40, 6, 8


def tokens(x: np.ndarray) -> Tokens:
    """From a dense (cells, genes) of bins + 1, 0 where a gene is not expressed."""
    cell, gene = np.nonzero(x)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=len(x)))])
    return Tokens(*(torch.from_numpy(v.astype(np.int64)) for v in (gene, x[cell, gene] - 1, offsets)))


def some(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(1, BINS + 1, (n, GENES)) * (rng.random((n, GENES)) < rng.uniform(0.1, 1, GENES))


def test_cells_are_their_principal_components_turned():
    x = some(200)
    pooling = ExpressionPooling(make_config("mini", GENES, dim=DIM)).double()
    start_linear(pooling, tokens(x), seed=3)
    p = (x > 0).mean(0)
    y = x**2 * (np.log(1.001 / (p + 1e-3)) + 1e-3)
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    expected = PCA(DIM, svd_solver="full").fit_transform(y) * (GENES / DIM) ** 0.5
    padded = tokens(x).pad(GENES, BINS)
    both = pooling(torch.zeros(*padded.gene.shape, DIM, dtype=torch.float64), padded).detach().numpy()
    found, sketch = both[:, :DIM], both[:, DIM:]
    weight = 0.7 / (1 + p / 0.03) * (GENES / DIM) ** 0.5  # a sketch is a sum over the genes of each place
    at = np.zeros((GENES, sketch.shape[1]))
    at[np.arange(GENES), pooling.place.numpy()] = pooling.sketch_weight.sign().numpy() * weight
    np.testing.assert_allclose(sketch, y @ at, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        found @ found.T, expected @ expected.T, rtol=1e-6, atol=1e-9
    )  # a turn moves no inner product
    spread = found.var(0)
    assert spread.max() < 12 * spread.min()  # where that of the components differs by more
    assert bool(pooling.started)


def test_the_same_seed_gives_the_same_start():
    made = [ExpressionPooling(make_config("mini", GENES, dim=DIM)) for _ in range(3)]
    for pooling, seed in zip(made, (1, 1, 2), strict=True):
        start_linear(pooling, tokens(some(50)), seed)
    assert torch.equal(made[0].weight, made[1].weight)
    assert not torch.equal(made[0].weight, made[2].weight)


def test_fewer_cells_than_the_width_and_genes_never_seen():
    x = some(4)
    x[:, :5] = 0
    pooling = ExpressionPooling(make_config("mini", GENES, dim=DIM))
    start_linear(pooling, tokens(x))
    assert all(torch.isfinite(p).all() for p in pooling.parameters())
    with pytest.raises(ValueError, match="at least two cells"):
        start_linear(pooling, tokens(x[:1]))
