import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from scellm.bm.metrics import AveragePrecision


def test_it_is_the_mean_over_types():
    rng = np.random.default_rng(0)
    y = rng.choice(["r", "s"], 80, p=[0.8, 0.2])
    p = pd.DataFrame({"s": rng.random(80)}).assign(r=lambda d: 1 - d["s"])
    want = np.mean([average_precision_score(y == t, p[t]) for t in "rs"])
    assert AveragePrecision()(y, p) == pytest.approx(want)
