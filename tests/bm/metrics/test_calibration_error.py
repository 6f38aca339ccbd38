import numpy as np
import pandas as pd
import pytest

from scellm.bm import METRICS

ERROR = METRICS["calibration_error"]


def plain(true, p, weight):
    """The formula of Guo et al., bin by bin."""
    confidence, right = p.max(axis=1).to_numpy(), (p.idxmax(axis=1) == true).to_numpy()
    total = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence >= low) & ((confidence < low + 1 / 15) | ((low > 0.93) & (confidence == 1)))
        if weight[inside].sum():
            gap = np.average(confidence[inside], weights=weight[inside]) - np.average(
                right[inside], weights=weight[inside]
            )
            total += weight[inside].sum() / weight.sum() * abs(gap)
    return total


def test_is_the_plain_formula():
    rng = np.random.default_rng(0)
    p = pd.DataFrame(rng.dirichlet(np.ones(3), 200), columns=list("abc"))
    true, weight = rng.choice(list("abc"), 200), rng.random(200)
    assert ERROR(true, p, weight) == pytest.approx(plain(true, p, weight))
    assert ERROR(true, p) == pytest.approx(plain(true, p, np.ones(200)))
    assert not ERROR.higher_is_better


def test_certain_and_right_is_0_and_certain_and_wrong_is_1():
    p = pd.DataFrame({"a": [1.0, 1.0], "b": [0.0, 0.0]})
    assert ERROR(np.array(["a", "a"]), p) == 0
    assert ERROR(np.array(["z", "b"]), p) == 1
