import numpy as np
import pytest
from sklearn.metrics import root_mean_squared_error

from scellm.bm import METRICS


def test_is_scikit_learns():
    a, b = np.random.default_rng(0).normal(size=(2, 30))
    weight = np.random.default_rng(1).random(30)
    assert METRICS["rmse"](a, b, weight) == pytest.approx(root_mean_squared_error(a, b, sample_weight=weight))
