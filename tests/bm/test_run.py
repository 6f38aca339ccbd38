import numpy as np
import pandas as pd
import pytest

import scellm
from scellm import bm
from tests.conftest import make_adata
from tests.reference.methods import Majority, Oracle, types_of


def test_run_is_tidy_and_leaves_the_data_as_they_were(cells):
    before = cells.obs.copy()
    tasks = [bm.Task("few", cells, "cell_type", bm.FewLabels(5)), bm.Task("many", cells, "cell_type", bm.Stratified())]
    results = bm.run(tasks, {"oracle": lambda: Oracle(types_of(cells)), "majority": Majority}, seeds=3)
    pd.testing.assert_frame_equal(cells.obs, before)
    assert list(results.table.columns) == ["task", "method", "seed", "metric", "value", "seconds"]
    assert len(results.table) == 2 * 2 * 3 * 2
    assert (results.table.query("method == 'oracle'")["value"] == 1).all()
    assert "2 tasks, 2 methods, 3 seeds" in repr(results)
    again = bm.run(tasks, {"oracle": lambda: Oracle(types_of(cells)), "majority": Majority}, seeds=3)
    pd.testing.assert_frame_equal(again.table.drop(columns="seconds"), results.table.drop(columns="seconds"))


def test_both_data_sets_of_a_task_are_left_as_they_were(cells):
    other = make_adata(n_obs=40, seed=1)
    before = [(set(a.layers), set(a.obs), set(a.var), set(a.uns), set(a.obsm)) for a in (cells, other)]
    task = bm.Task("t", cells, "cell_type", bm.Across(), other=other)
    bm.run([task], {"LR": scellm.baselines.LogisticRegression}, seeds=1)
    assert [(set(a.layers), set(a.obs), set(a.var), set(a.uns), set(a.obsm)) for a in (cells, other)] == before


def test_bad_tasks(cells):
    with pytest.raises(KeyError, match="labels_key='type' is not in obs"):
        bm.run([bm.Task("t", cells, "type", bm.Stratified())], {"m": Majority})
    with pytest.raises(KeyError, match="Pass one of these"):
        bm.run([bm.Task("t", cells, "cell_type", bm.LeaveOut("study", ["a"]))], {"m": Majority})
    with pytest.raises(ValueError, match="Name some of them, not all"):
        bm.run([bm.Task("t", cells, "cell_type", bm.LeaveOut("donor", ["z"]))], {"m": Majority})
    with pytest.raises(ValueError, match="at least two with 105 cells"):
        bm.run([bm.Task("t", cells, "cell_type", bm.FewLabels(100))], {"m": Majority})
    task = bm.Task("t", cells, "cell_type", bm.Stratified())
    with pytest.raises(ValueError, match="names must be unique"):
        bm.run([task, task], {"m": Majority})
    with pytest.raises(ValueError, match=r"\['auc'\] are not known"):
        bm.run([task], {"m": Majority}, metrics=["auc"])
    with pytest.raises(ValueError, match="cannot be called 'y_true'"):
        bm.run([task], {"y_true": Majority})

    class Short(Majority):
        def predict(self, adata, *, indices):
            return np.array(["type 0"])

    with pytest.raises(ValueError, match="'short' returned 1 predictions for task 't'; expected 18"):
        bm.run([task], {"short": Short}, seeds=1)
    assert "_scellm_bm" not in cells.obs


def test_seeds_in_other_processes(cells):
    task = bm.Task("t", cells, "cell_type", bm.FewLabels(5))
    methods = {"PCA": lambda: scellm.baselines.PCALogisticRegression(5), "majority": scellm.baselines.MajorityType}
    alone, two = (bm.run([task], methods, seeds=3, n_jobs=n) for n in (1, 2))
    pd.testing.assert_frame_equal(alone.table.drop(columns="seconds"), two.table.drop(columns="seconds"))
    for key, answers in alone.predictions.items():
        assert all(np.array_equal(answers[m], two.predictions[key][m]) for m in answers)


class Spoils(Majority):
    def fit(self, adata, labels_key, *, indices):
        adata.X.data *= 2
        return super().fit(adata, labels_key, indices=indices)


def test_a_method_that_changes_the_cells_is_found(cells):
    task = bm.Task("t", cells, "cell_type", bm.Stratified())
    with pytest.raises(ValueError, match="'s' changed the values of the cells"):
        bm.run([task], {"s": Spoils}, seeds=1)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"seeds": 0}, "seeds=0 is not possible"),
        ({"seeds": [1, 1]}, "different numbers"),
        ({"metrics": []}, r"metrics=\[\] are not known"),
    ],
)
def test_bad_options(cells, options, match):
    task = bm.Task("t", cells, "cell_type", bm.Stratified())
    with pytest.raises(ValueError, match=match):
        bm.run([task], {"m": Majority}, **options)
    with pytest.raises(ValueError, match="found 1 tasks and 0 methods"):
        bm.run([task], {})
    assert len(bm.run([task], {"m": Majority}, seeds=np.int64(2), metrics="accuracy").table) == 2
