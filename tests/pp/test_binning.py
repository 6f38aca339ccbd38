import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scellm.pp._binning import Binning, Columns, select


@given(arrays(np.int64, 30, elements=st.integers(1, 10_000)), st.integers(1, 10**6), st.sampled_from([np.e, 2.0, 10.0]))
def test_bins_are_the_floor_of_the_log(counts, total, base):
    value = np.log1p(counts.astype(np.longdouble) * 10_000 / total) / np.log(np.longdouble(base))
    want = np.clip(np.floor(value), 0, 5)
    got = Binning(log_base=float(base)).bins(counts, np.array([float(total)]), np.array([0, 30]))
    sure = np.abs(value - np.round(value)) > 1e-12  # a tie is decided by the next test
    assert np.array_equal(got[sure], want[sure])


def test_a_value_on_an_edge_belongs_above_it():
    # base 2: one count of 10,000 scaled to 10,000 is 1, and log2(1 + 1) = 1 exactly
    assert Binning(log_base=2.0).bins(np.array([1, 3, 7]), np.array([10_000.0]), np.array([0, 3])).tolist() == [1, 2, 3]


def test_other_edges():
    got = Binning(edges=(0.5, 2.5)).bins(np.array([1, 5, 20]), np.array([1e4]), np.array([0, 3]))
    assert got.tolist() == [1, 1, 2]


@given(st.integers(0, 2**32 - 1))
def test_select_sums_columns_of_one_gene(seed):
    rng = np.random.default_rng(seed)
    dense = rng.poisson(0.5, (7, 12))
    ids = rng.integers(-1, 6, 12)
    columns = Columns.of(ids, np.ones(12, bool))
    column, value, offsets = select(sp.csr_matrix(dense), columns)
    got = np.zeros((7, 6))
    got[np.repeat(np.arange(7), np.diff(offsets)), ids[column]] = value
    want = np.stack([dense[:, ids == g].sum(1) for g in range(6)], 1)
    assert np.array_equal(got, want)
    assert len(column) == (want > 0).sum()


def test_unusable_columns_hold_nothing():
    columns = Columns.of(np.array([3, 3, 5]), np.array([False, True, False]))
    assert columns.first.tolist() == [1, 1, -1]
    assert columns.merges


@pytest.mark.parametrize("ids", [[-1, -1], []])
def test_no_known_gene(ids):
    columns = Columns.of(np.array(ids, int), np.ones(len(ids), bool))
    column, value, offsets = select(sp.csr_matrix((4, len(ids))), columns)
    assert len(column) == len(value) == 0
    assert offsets.tolist() == [0] * 5
