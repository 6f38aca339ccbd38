import numpy as np
import pandas as pd
import pytest

from scellm.baselines.drug import DenoisedRidge, DrugMean
from scellm.bm.drug import DrugTask, UnseenDrugs, run_drugs
from tests.responses import make_data


def test_all_methods_are_judged_on_the_same_pairs():
    results = run_drugs([DrugTask("lines", make_data())], {"mean": DrugMean, "ridge": DenoisedRidge}, seeds=[3, 4])
    assert set(results.judged) == {("lines", 3), ("lines", 4)}
    found = results.table[results.table["metric"] == "interaction"]
    assert found.groupby(["method", "seed"]).size().eq(1).all()
    judged = results.judged["lines", 3]
    assert np.isfinite(judged.predictions["ridge"][np.isfinite(judged.truth)]).all()


def test_the_same_seed_gives_the_same_scores():
    once, again = (run_drugs([DrugTask("x", make_data())], {"r": DenoisedRidge}, seeds=1).table for _ in range(2))
    pd.testing.assert_frame_equal(once.drop(columns="seconds"), again.drop(columns="seconds"))


def test_unseen_drugs_have_no_tissue_mean():
    class Zero:
        def fit(self, lines, responses, *, smiles=None, tissue_key=None):
            return self

        def predict(self, lines, drugs):
            return pd.DataFrame(0.0, index=lines.obs_names, columns=list(drugs))

    results = run_drugs([DrugTask("x", make_data(), UnseenDrugs(0.3))], {"zero": Zero}, seeds=1)
    assert "beyond_tissue" not in set(results.table["metric"])


def test_bad_runs():
    task = DrugTask("x", make_data())

    class Gaps(DrugMean):
        def predict(self, lines, drugs):
            return super().predict(lines, drugs).iloc[1:]

    with pytest.raises(ValueError, match="names must be unique"):
        run_drugs([task, task], {"m": DrugMean})
    with pytest.raises(ValueError, match="'gaps' has no prediction for"):
        run_drugs([task], {"gaps": Gaps}, seeds=1)
