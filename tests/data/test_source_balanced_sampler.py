import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scellm.data._source_balanced_sampler import SourceBalancedSampler


@pytest.mark.parametrize(("power", "expected"), [(1.0, [80, 16, 4]), (0.0, [33, 33, 34]), (0.5, [56, 31, 13])])
def test_sources_are_drawn_by_a_power_of_their_size(power, expected):
    source = np.repeat([0, 1, 2], [80, 16, 4])
    rows = SourceBalancedSampler(np.arange(100), source, power)
    assert len(rows) == 100
    found = np.bincount(source[rows.epoch(3, seed=0)])
    weight = np.array([80, 16, 4]) ** power
    np.testing.assert_allclose(found, 100 * weight / weight.sum(), atol=1)
    assert found.sum() == sum(expected)
    np.testing.assert_array_equal(rows.epoch(3, 0), rows.epoch(3, 0))
    assert not np.array_equal(rows.epoch(3, 0), rows.epoch(4, 0))


def test_cells_of_a_source_are_seen_equally_often():
    source = np.repeat([0, 1, 2], [80, 17, 3])
    rows = SourceBalancedSampler(np.arange(100), source, 0.3)
    seen = np.bincount(np.concatenate([rows.epoch(e, 1) for e in range(7)]), minlength=100)
    for s in range(3):
        assert np.ptp(seen[source == s]) <= 1


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    block=st.integers(1, 50),
    power=st.floats(0, 1),
    number=st.integers(0, 5),
)
def test_blocks_are_of_one_source(sizes, block, power, number):
    source = np.repeat(np.arange(len(sizes)), sizes)
    rows = SourceBalancedSampler(np.arange(len(source)), source, power, block)
    order = rows.epoch(number, 0)
    mixed = SourceBalancedSampler(np.arange(len(source)), source, power).epoch(number, 0)
    np.testing.assert_array_equal(np.sort(order), np.sort(mixed))  # the same cells
    starts = np.flatnonzero(np.diff(source[order], prepend=-1))
    runs = dict.fromkeys(range(len(sizes)), ())
    for start, stop in zip(starts, [*starts[1:], len(order)], strict=True):
        runs[source[order[start]]] += (stop - start,)
    for s, n in enumerate(rows.draws):
        assert sum(runs[s]) == n
        assert sum(r % block != 0 for r in runs[s]) <= 1  # blocks of a source may be adjacent, and one may be shorter


def test_blocks_come_in_a_random_order():
    source = np.repeat([0, 1], 1000)
    rows = SourceBalancedSampler(np.arange(2000), source, 0.5, 10)
    first = source[rows.epoch(0, 0)[::10]]
    assert 60 < first[:150].sum() < 90
    assert not np.array_equal(first, source[rows.epoch(1, 0)[::10]])


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=3), together=st.integers(1, 6), number=st.integers(0, 3))
def test_cells_of_a_cluster_stand_together(sizes, together, number):
    source = np.repeat(np.arange(len(sizes)), sizes)
    cluster = np.random.default_rng(0).integers(4, size=len(source))
    rows = SourceBalancedSampler(np.arange(len(source)), source, 1.0, 1000, cluster=cluster, together=together)
    order = rows.epoch(number, 0)
    plain = SourceBalancedSampler(np.arange(len(source)), source, 1.0).epoch(number, 0)
    np.testing.assert_array_equal(np.sort(order), np.sort(plain))  # the same cells
    for s in range(len(sizes)):
        mine = order[source[order] == s]
        changes = int((np.diff(cluster[mine]) != 0).sum()) + 1
        blocks = sum(-(-n // together) for n in np.bincount(cluster[mine]))
        assert changes <= blocks


def test_a_cluster_is_used_evenly_and_bad_numbers_are_refused():
    cluster = np.repeat([0, 1], [30, 10])
    rows = SourceBalancedSampler(np.arange(40), np.zeros(40, int), 1.0, cluster=cluster, together=4)
    seen = np.bincount(np.concatenate([rows.epoch(e, 1) for e in range(5)]), minlength=40)
    assert np.ptp(seen) == 0
    with pytest.raises(ValueError, match="cluster_block"):
        SourceBalancedSampler(np.arange(3), np.zeros(3), 1.0, cluster=np.zeros(3), together=0)
