import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import approx_fprime
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from scellm.train._solve_partial import solve_partial

TYPES = 4


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    y = rng.integers(0, TYPES, 200)
    x = (rng.normal(size=(200, 6)) + 1.5 * np.eye(TYPES, 6)[y]).astype(np.float64)
    return x, y


def one_hot(y):
    return np.eye(TYPES, dtype=bool)[y]


@pytest.mark.parametrize("weighted", [False, True])
def test_sets_of_one_type_are_logistic_regression(cells, weighted):
    x, y = cells
    weights = np.linspace(0.2, 2, len(y)) if weighted else None
    weight, bias = solve_partial(x, one_hot(y), weights, strength=0.7)
    theirs = LogisticRegression(C=0.7, max_iter=5000, tol=1e-8).fit(x, y, weights)
    np.testing.assert_allclose(softmax(x @ weight.T + bias, 1), theirs.predict_proba(x), atol=2e-3)


def test_the_loss_is_that_of_the_set(cells):
    """At the solution, the plain formula has no slope."""
    x, y = cells
    allowed = one_hot(y)
    allowed[::3, :2] |= allowed[::3, :2].any(1, keepdims=True)  # "0 or 1" for a third of the cells

    def plain(flat):
        weight, bias = flat[:24].reshape(TYPES, 6), flat[24:]
        p = softmax(x @ weight.T + bias, axis=1)
        return -np.log((p * allowed).sum(1)).sum() * 0.5 + np.square(weight).sum() / 2

    weight, bias = solve_partial(x, allowed, strength=0.5, max_iter=2000)
    slope = approx_fprime(np.concatenate([weight.ravel(), bias]), plain, 1e-6)
    assert np.abs(slope).max() < 0.02


def test_coarse_labels_help_where_fine_ones_are_few(cells):
    x, y = cells
    fine = np.arange(12)
    allowed = np.where((y < 2)[:, None], [True, True, False, False], [False, False, True, True])
    allowed[fine] = one_hot(y[fine])
    weight, bias = solve_partial(x, allowed)
    few, offset = solve_partial(x[fine], one_hot(y[fine]))
    right = lambda w, b: ((x[12:] @ w.T + b).argmax(1) == y[12:]).mean()
    assert right(weight, bias) > right(few, offset)


def test_sparse_features_give_the_same(cells):
    x, y = cells
    x = np.where(x > 1, x, 0).astype(np.float32)
    dense, sparse = (solve_partial(kind(x), one_hot(y)) for kind in (np.asarray, sp.csr_matrix))
    np.testing.assert_allclose(dense[0], sparse[0], atol=1e-2)
    np.testing.assert_allclose(dense[1], sparse[1], atol=1e-2)


def test_a_cell_that_allows_nothing(cells):
    x, y = cells
    allowed = one_hot(y)
    allowed[:3] = False
    with pytest.raises(ValueError, match="3 cells allow no type"):
        solve_partial(x, allowed)
