import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from scellm.bm import METRICS


def test_is_scikit_learns():
    rng = np.random.default_rng(0)
    true, predicted, weight = rng.integers(3, size=50), rng.integers(4, size=50), rng.random(50)
    found = METRICS["accuracy"](true.astype(str), predicted.astype(str), weight)
    assert found == pytest.approx(accuracy_score(true, predicted, sample_weight=weight))
    assert METRICS["accuracy"](true, true) == 1
