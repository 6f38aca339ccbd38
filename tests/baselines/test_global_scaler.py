import numpy as np
import pytest

from scellm.baselines import GlobalScaler


def test_keeps_the_shape():
    x = np.random.default_rng(0).normal(size=(50, 4)) * [5, 1, 0.1, 0] + 3
    y = GlobalScaler().fit_transform(x)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-12)
    assert y.var(0).mean() == pytest.approx(1)
    np.testing.assert_allclose(x - x.mean(0), y * np.sqrt(x.var(0).mean()), atol=1e-12)  # one number for all


def test_features_without_spread():
    np.testing.assert_array_equal(GlobalScaler().fit_transform(np.ones((5, 2))), 0)
