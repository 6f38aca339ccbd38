import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scellm.bm.drug._double_centred import double_centred


@given(st.integers(0, 1000))
def test_row_and_column_means_vanish_with_gaps(seed):
    rng = np.random.default_rng(seed)
    table, known = rng.normal(size=(12, 9)) + rng.normal(size=9) * 5, rng.random((12, 9)) < 0.8
    found = double_centred(table, known)
    assert (found[~known] == 0).all()
    np.testing.assert_allclose(found.sum(0), 0, atol=1e-4)
    np.testing.assert_allclose(found.sum(1), 0, atol=1e-4)


def test_without_gaps_it_is_the_formula():
    table = np.random.default_rng(0).normal(size=(5, 4))
    want = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    np.testing.assert_allclose(double_centred(table, np.ones((5, 4), bool)), want, atol=1e-12)


def test_additive_effects_leave_nothing():
    table = np.arange(6.0)[:, None] + np.arange(4.0)
    known = np.ones((6, 4), bool)
    known[0, 1] = known[3, 2] = False
    np.testing.assert_allclose(double_centred(table, known), 0, atol=1e-6)
