import numpy as np
import pytest
from sklearn.metrics import f1_score

from scellm.bm import METRICS


def test_types_that_only_occur_in_predictions_are_left_out():
    true, predicted = np.array(list("aabb")), np.array(list("aacb"))
    wanted = f1_score(true, predicted, average="macro", labels=["a", "b"])
    assert METRICS["macro_f1"](true, predicted) == pytest.approx(wanted)
    assert METRICS["macro_f1"](true, predicted) > f1_score(true, predicted, average="macro", zero_division=0)
