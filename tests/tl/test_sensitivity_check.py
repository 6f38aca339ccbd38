import anndata as ad
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from scellm.pp import check_confounding
from scellm.tl._sensitivity_check import TrainingCheck, _folds, _left_out, _scores


def test_whole_levels_are_left_out():
    y, levels = np.tile([0, 1], 50), np.repeat(np.arange(10), 10)
    for inside, outside in _folds(y, levels):
        assert not set(levels[inside]) & set(levels[outside])
    assert len(_folds(y, None)) == 5
    assert _folds(np.array([0] * 9 + [1]), None) == []  # one positive cell cannot be in two folds


def test_a_library_effect_vanishes_when_libraries_are_left_out():
    rng = np.random.default_rng(0)
    levels = np.repeat(np.arange(10), 30)
    y = (levels % 2).astype(int)
    x = rng.normal(size=(10, 20))[levels] + rng.normal(size=(300, 20))  # libraries differ, labels do not
    depth = rng.normal(size=(300, 2))
    random = _scores("random", x, depth, y, None)["random"]["auroc"]
    apart = _scores("apart", x, depth, y, levels)["apart"]["auroc"]
    assert random > 0.9
    assert apart < 0.75


def test_patients_with_both_labels_are_left_out_and_not_their_libraries():
    rng = np.random.default_rng(0)
    patients, y = np.repeat(np.arange(6), 40), np.tile([0, 1], 120)
    x = 3 * rng.normal(size=(6, 10))[patients] + rng.normal(size=(240, 10)) + 1.5 * y[:, None] * np.eye(10)[0]
    apart = _scores("apart", x, rng.normal(size=(240, 2)), y, patients)["apart"]
    assert 0.7 < apart["auroc"] < 0.95  # a real effect is seen in new patients


def test_each_partition_once_and_no_library_inside_of_a_patient():
    n = 80
    obs = pd.DataFrame({"response": np.tile(["s", "r"], n // 2)}, index=[str(i) for i in range(n)])
    obs["patient"] = obs["donor"] = np.repeat(list("abcd"), n // 4)
    obs["library"] = obs["patient"] + obs["response"]
    adata = ad.AnnData(np.ones((n, 2), np.float32), obs=obs)
    assert _left_out(adata, check_confounding(adata, "response")) == ["patient"]
    lane = adata[:, :].copy()
    lane.obs["patient"] = lane.obs["response"] + np.repeat(list("ab"), n // 2)  # a patient has one response
    lane.obs["donor"], lane.obs["library"] = np.tile(list("1122"), n // 4), lane.obs["patient"]
    assert _left_out(lane, check_confounding(lane, "response")) == ["donor", "patient"]


def test_lines_for_the_log():
    assert TrainingCheck("", "", {"a": {"auroc": 0.5}}).lines() == ["a: auroc 0.500"]
    assert roc_auc_score([0, 1], [0, 1]) == pytest.approx(1)
