import numpy as np
import pytest
from scipy.stats import pearsonr

from scellm.bm import METRICS


def test_is_scipys():
    a, b = np.random.default_rng(0).normal(size=(2, 30))
    assert METRICS["pearson"](a, b) == pytest.approx(pearsonr(a, b).statistic)
    doubled = METRICS["pearson"](a, b, np.r_[np.full(10, 2), np.ones(20)])
    repeated = np.r_[0:10, 0:30]
    assert doubled == pytest.approx(pearsonr(a[repeated], b[repeated]).statistic)


def test_a_constant_has_none():
    assert np.isnan(METRICS["pearson"](np.arange(3.0), np.ones(3)))
