import numpy as np
import pytest

from scellm.model._separation import MIXED, separation


def two_groups(shift, n=120, seed=0):
    """Two types far apart; the second half of the cells is shifted along another direction."""
    rng = np.random.default_rng(seed)
    types = rng.integers(0, 2, n)
    x = rng.normal(size=(n, 5))
    x[:, 0] += 20 * types
    x[n // 2 :, 1] += shift
    known, other = np.arange(n // 2), np.arange(n // 2, n)
    return x, known, types[known], other, types[other]


@pytest.mark.parametrize("seed", range(5))
def test_mixed_groups_have_about_zero_and_studies_one(seed):
    assert abs(separation(*two_groups(0, n=400, seed=seed), seed)) < 0.25
    assert separation(*two_groups(12, seed=seed), seed) > 0.95


def test_the_statistic_equals_its_definition():
    """Nearest neighbours found one by one; equal groups, so that nothing is left to chance."""
    x, known, types_known, other, types_other = two_groups(1.5, n=80, seed=3)
    same = chance = n = 0
    for kind in (0, 1):
        a, b = known[types_known == kind], other[types_other == kind]
        size = min(len(a), len(b))
        a, b = a[:size], b[:size]
        rows, of = np.r_[a, b], np.r_[np.zeros(size), np.ones(size)]
        for i in range(2 * size):
            distance = ((x[rows] - x[rows[i]]) ** 2).sum(1)
            distance[i] = np.inf
            same += of[distance.argmin()] == of[i]
        chance += 2 * size * (size - 1) / (2 * size - 1)
        n += 2 * size
    expected = (same - chance) / (n - chance)
    keep = [np.flatnonzero(types_known == k)[: min((types_known == k).sum(), (types_other == k).sum())] for k in (0, 1)]
    keep_other = [
        np.flatnonzero(types_other == k)[: min((types_known == k).sum(), (types_other == k).sum())] for k in (0, 1)
    ]
    first, second = np.concatenate(keep), np.concatenate(keep_other)
    found = separation(x, known[first], types_known[first], other[second], types_other[second], 0)
    assert found == pytest.approx(expected)


def test_the_share_of_types_does_not_count():
    """Labelled cells are all of one type, the others mostly of another: where they share a type, they mix."""
    x, known, types_known, other, types_other = two_groups(0, n=2000)
    some = np.flatnonzero(types_known == 0)
    assert abs(separation(x, known[some], types_known[some], other, types_other, 0)) < 0.25


def test_without_a_type_in_both_nothing_is_claimed():
    x, known, _, other, _ = two_groups(12)
    zeros, ones = np.zeros(len(known), int), np.ones(len(other), int)
    assert separation(x, known, zeros, other, ones, 0) == 0.0
    assert separation(x, known[:2], zeros[:2], other[:2], zeros[:2], 0) == 0.0
    assert 0 < MIXED < 1


def test_few_mixed_cells_are_never_called_apart():
    rng = np.random.default_rng(0)
    for seed in range(300):
        n = int(rng.choice([3, 5, 20, 30]))
        x, kinds = rng.normal(size=(2 * n, 5)), np.zeros(n, int)
        assert separation(x, np.arange(n), kinds, np.arange(n, 2 * n), kinds, seed) <= MIXED
