import numpy as np
import pytest
from sklearn.metrics import f1_score

from scellm.bm import METRICS


def test_is_scikit_learns():
    rng = np.random.default_rng(0)
    true, predicted, weight = rng.choice(list("abc"), 50), rng.choice(list("abcd"), 50), rng.random(50)
    wanted = f1_score(true, predicted, average="weighted", sample_weight=weight, zero_division=0)
    assert METRICS["weighted_f1"](true, predicted, weight) == pytest.approx(wanted)
