import numpy as np
import pytest

from scellm.baselines.drug import DenoisedRidge, DrugMean, LineSensitivity
from scellm.bm.drug import DrugTask, run_drugs
from tests.responses import make_data


@pytest.fixture(scope="module")
def results():
    methods = {"ridge": DenoisedRidge, "mean": DrugMean, "one number": LineSensitivity, "ridge again": DenoisedRidge}
    return run_drugs([DrugTask("lines", make_data())], methods, seeds=2)


def test_a_real_difference_is_better_and_none_is_not_established(results):
    found = results.summary(against="one number", n_boot=50).set_index("method")
    assert found.loc["ridge", "verdict"] == "better"
    assert 0 < found.loc["ridge", "low"] <= found.loc["ridge", "difference"] <= found.loc["ridge", "high"]
    same = results.summary(against="ridge", n_boot=50).set_index("method").loc["ridge again"]
    assert same["verdict"] == "not established"
    assert same["difference"] == 0


def test_a_lower_error_is_better(results):
    found = results.summary(against="mean", metric="rmse", n_boot=50).set_index("method")
    assert found.loc["ridge", "difference"] < 0
    assert found.loc["ridge", "verdict"] == "better"


def test_no_interval_is_no_verdict(results):
    found = results.summary(against="ridge", metric="hit5", n_boot=5)  # ten drugs make no hit
    assert set(found["verdict"].dropna()) == {"not established"}
    assert found["low"].isna().all()


def test_pivot_has_all_scores(results):
    table = results.pivot()
    assert table.loc[("lines", "mean"), "interaction"] == 0
    assert table.loc[("lines", "ridge"), "interaction"] > 0.5
    assert np.isfinite(table.loc[("lines", "ridge"), "beyond_tissue"])


def test_bad_names(results):
    with pytest.raises(ValueError, match="metric='r' did not take part"):
        results.summary(against="ridge", metric="r")
    with pytest.raises(ValueError, match="against='x' did not take part"):
        results.summary(against="x")
