import numpy as np
import pytest

from scellm.data._thin import thin


def test_thinning_is_binomial():
    rng = np.random.default_rng(0)
    for n, p in ((1, 0.3), (5, 0.3), (400, 0.7)):
        k = thin(np.full(50_000, n), np.full(50_000, p), rng.random(50_000))
        assert k.mean() == pytest.approx(n * p, rel=0.02)
        assert k.var() == pytest.approx(n * p * (1 - p), rel=0.04)
    assert thin(np.array([3, 0]), np.array([1.0, 0.5]), np.array([0.2, 0.9])).tolist() == [3, 0]
