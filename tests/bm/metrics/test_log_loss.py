import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from scellm.bm import METRICS


def table(n=40, seed=0):
    p = np.random.default_rng(seed).dirichlet(np.ones(3), n)
    return pd.DataFrame(p, columns=["a", "b", "c"])


def test_is_scikit_learns_with_columns_in_any_order():
    rng, p = np.random.default_rng(1), table()
    true, weight = rng.choice(["a", "b", "c"], len(p)), rng.random(len(p))
    wanted = log_loss(true, p.to_numpy(), labels=["a", "b", "c"], sample_weight=weight)
    assert METRICS["log_loss"](true, p, weight) == pytest.approx(wanted)
    assert METRICS["log_loss"](true, p[["c", "a", "b"]], weight) == pytest.approx(wanted)
    assert not METRICS["log_loss"].higher_is_better


def test_a_type_without_a_column_costs_much():
    assert METRICS["log_loss"](np.array(["z"]), table(1)) > 30
