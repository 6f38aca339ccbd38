import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from scellm.data import Tokens
from scellm.nn import ExpressionPooling

GENES, BINS, DIM = 40, 6, 8


def tokens(x: np.ndarray) -> Tokens:
    """Tokens from a dense matrix of bins + 1, (cells, genes); 0 where a gene is not expressed."""
    cell, gene = np.nonzero(x)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=len(x)))])
    return Tokens(*(torch.from_numpy(v.astype(np.int64)) for v in (gene, x[cell, gene] - 1, offsets)))


def some(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(1, BINS + 1, (n, GENES)) * (rng.random((n, GENES)) < rng.uniform(0.1, 1, GENES))


def test_cells_are_their_rotated_principal_components():
    x = some(200)
    pooling = ExpressionPooling(GENES, BINS, DIM, 1920).double()
    pooling.initialize(tokens(x), seed=3)
    p = (x > 0).mean(0)
    y = x**2 * (np.log(1.001 / (p + 1e-3)) + 1e-3)
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    expected = PCA(DIM, svd_solver="full").fit_transform(y) * (GENES / DIM) ** 0.5
    padded = tokens(x).pad(GENES, BINS)
    both = pooling(torch.zeros(*padded.gene.shape, DIM, dtype=torch.float64), padded).detach().numpy()
    found, hashed = both[:, :DIM], both[:, DIM:]
    weight = 0.7 / (1 + p / 0.03) * (GENES / DIM) ** 0.5  # a sum over the genes of each index
    at = np.zeros((GENES, hashed.shape[1]))
    at[np.arange(GENES), pooling.hashed_index.numpy()] = pooling.hashed_weight.sign().numpy() * weight
    np.testing.assert_allclose(hashed, y @ at, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        found @ found.T, expected @ expected.T, rtol=1e-6, atol=1e-9
    )  # a rotation changes no inner product
    spread = found.var(0)
    assert spread.max() < 12 * spread.min()  # the components themselves differ by more
    assert bool(pooling.initialized)


def test_the_same_seed_gives_the_same_initialisation():
    made = [ExpressionPooling(GENES, BINS, DIM, 1920) for _ in range(3)]
    for pooling, seed in zip(made, (1, 1, 2), strict=True):
        pooling.initialize(tokens(some(50)), seed)
    assert torch.equal(made[0].weight, made[1].weight)
    assert not torch.equal(made[0].weight, made[2].weight)


def test_fewer_cells_than_the_width_and_genes_never_seen():
    x = some(4)
    x[:, :5] = 0
    pooling = ExpressionPooling(GENES, BINS, DIM, 1920)
    pooling.initialize(tokens(x))
    assert all(torch.isfinite(p).all() for p in pooling.parameters())
    with pytest.raises(ValueError, match="at least two cells"):
        pooling.initialize(tokens(x[:1]))
