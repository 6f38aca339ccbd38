import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from scellm.bm import METRICS


def test_is_scikit_learns():
    rng = np.random.default_rng(0)
    true, predicted, weight = rng.choice(list("abc"), 50), rng.choice(list("abc"), 50), rng.random(50)
    wanted = balanced_accuracy_score(true, predicted, sample_weight=weight)
    assert METRICS["balanced_accuracy"](true, predicted, weight) == pytest.approx(wanted)


def test_types_that_only_occur_in_predictions_are_left_out():
    assert METRICS["balanced_accuracy"](np.array(list("aabb")), np.array(list("aacb"))) == 0.75
