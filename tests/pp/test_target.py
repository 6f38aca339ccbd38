import numpy as np
import pytest

from scellm.pp._target import find_target, near_usual


def cells(target, n=40, kept=0.6, seed=0):
    rng = np.random.default_rng(seed)
    totals = rng.integers(500, 8000, n)
    unit = (np.float32(1) * target / totals).astype(np.float32).astype(float)
    return unit * np.round(totals * kept), unit


@pytest.mark.parametrize("target", [1e3, 5e3, 1e4, 1e5, 2273.0, 3333.5])
def test_the_target_is_found_whatever_it_is(target):
    assert find_target(*cells(target)) == (target, False)


@pytest.mark.parametrize("n", [1, 2])
def test_few_cells_leave_it_open(n):
    assert find_target(*cells(1e4, n))[1]


def test_size_factors_have_no_target():
    rng = np.random.default_rng(0)
    unit = 1 / rng.lognormal(0, 0.3, 60)
    assert find_target(unit * rng.integers(500, 8000, 60), unit) == (0.0, False)
    assert find_target(np.zeros(0), np.zeros(0)) == (0.0, False)


def test_usual_sums():
    assert near_usual(np.array([1e4, 10_001.0, 9_000.0, 1e6])).tolist() == [True, True, False, True]
