import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from scellm import bm
from scellm.bm.metrics._confusion import confusion


def test_metrics_are_sklearns():
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(4, size=200), rng.integers(6, size=200)
    weight = rng.integers(0, 3, size=200)
    assert confusion(truth, predicted, 6, weight).sum() == weight.sum()
    there = np.unique(truth[weight > 0])
    assert bm.METRICS["macro_f1"](truth, predicted, weight) == pytest.approx(
        f1_score(truth, predicted, average="macro", labels=there, sample_weight=weight)
    )
    assert bm.METRICS["accuracy"](truth, predicted, weight) == pytest.approx(
        accuracy_score(truth, predicted, sample_weight=weight)
    )
