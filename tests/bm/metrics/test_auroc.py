import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from scellm.bm.metrics import AUROC


def test_it_is_the_mean_of_one_against_the_others():
    rng = np.random.default_rng(0)
    y = rng.choice(["a", "b", "c"], 60)
    p = pd.DataFrame(rng.dirichlet(np.ones(3), 60), columns=["a", "b", "c"])
    want = np.mean([roc_auc_score(y == t, p[t]) for t in "abc"])
    assert AUROC()(y, p) == pytest.approx(want)


def test_weights_repeat_cells_and_one_type_is_nan():
    y, p = np.array(["a", "b", "b"]), pd.DataFrame({"a": [0.9, 0.5, 0.1], "b": [0.1, 0.5, 0.9]})
    weight = np.array([2, 1, 3])
    repeated = np.repeat(np.arange(3), weight)
    assert AUROC()(y, p, weight) == pytest.approx(AUROC()(y[repeated], p.iloc[repeated].reset_index(drop=True)))
    assert np.isnan(AUROC()(y, p, np.array([0, 1, 1])))
