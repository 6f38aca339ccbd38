import numpy as np
import pytest
import scipy.sparse as sp

from scellm.pp._matrix import Matrix
from scellm.pp._rows import Inverse, RowFacts, row_sums, units
from tests.conftest import make_adata


def matrix(x):
    adata = make_adata(len(x), x.shape[1])
    adata.X = sp.csr_matrix(x)
    return Matrix.of(adata, "X")


def test_facts_against_plain_numpy():
    rng = np.random.default_rng(0)
    x = rng.poisson(0.5, (7, 2010)).astype(float)
    x[2] = 0
    x[3, 5], x[4, 1], x[5, 7], x[6, 2] = 0.5, np.nan, -2.0, 3.0004
    facts = RowFacts.of(matrix(x))
    for i, row in enumerate(x):
        used = row[row != 0]
        assert facts.n[i] == len(used)
        assert facts.finite[i] == np.isfinite(row).all()
        if np.isfinite(row).all():
            assert facts.total[i] == pytest.approx(row.sum())
            assert (facts.low[i], facts.high[i]) == ((used.min(), used.max()) if len(used) else (0, 0))
    assert facts.whole.tolist() == [True, True, True, False, False, True, True]
    assert facts.strict.tolist() == [True, True, True, False, False, True, False]


def test_shares_below_one_are_not_whole():
    assert not RowFacts.of(matrix(np.full((2, 2010), 0.0005))).whole.any()


def test_a_log_is_taken_back_cell_by_cell():
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.5, (6, 2010)) + (np.arange(2010) == 3)
    scale = rng.uniform(0.3, 3, 6)
    found = Inverse.of(matrix(np.log1p(counts * scale[:, None])), np.expm1, 3e-6)
    assert found.multiples.all()
    np.testing.assert_allclose(found.unit, scale, rtol=1e-5)
    np.testing.assert_allclose(found.total, counts.sum(1) * scale)


def test_units_of_cells_whose_smallest_count_is_two_or_three():
    y = sp.csr_matrix(np.array([[2.0, 4, 5], [3, 6, 7], [0.3, 0.9, 1.2], [1, 1.5, 1.3]]))
    unit, whole = units(y)
    assert whole.tolist() == [True, True, True, False]
    np.testing.assert_allclose(unit[:3], [1, 1, 0.3])
    assert row_sums(y).tolist() == pytest.approx([11, 16, 2.4, 3.8])
