"""Tasks, splits, scores and verdicts."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score

import scellm
from scellm import bm
from scellm.baselines import EmbeddingLogisticRegression, LogisticRegression, PCALogisticRegression
from scellm.bm._metrics import confusion
from tests.conftest import make_adata


class Majority:
    """Tells the most frequent type."""

    def fit(self, adata, labels_key, *, indices):
        self.type = adata.obs[labels_key].iloc[indices].value_counts().idxmax()
        return self

    def predict(self, adata, *, indices):
        return np.full(len(indices), self.type)


class Oracle:
    """Knows the types of the cells told, and refuses to work where they can be read from what it was given."""

    def __init__(self, types):
        self.types = types

    def fit(self, adata, labels_key, *, indices):
        hidden = np.setdiff1d(np.arange(adata.n_obs), indices)
        assert (adata.obs[labels_key].iloc[hidden] == "").all()
        return self

    def predict(self, adata, *, indices):
        return self.types[indices]


@pytest.fixture
def cells():
    adata = make_adata(n_obs=90)
    adata.obs["donor"] = np.array(list("abc"))[np.arange(90) // 30]
    return adata


def types_of(adata):
    return adata.obs["cell_type"].astype(str).to_numpy(dtype=object)


@pytest.mark.parametrize("split", [bm.Stratified(), bm.FewLabels(5), bm.LeaveOut("donor", ["b"])])
def test_splits_share_no_cell_and_are_the_same_for_a_seed(cells, split):
    task = bm.Task("t", cells, "cell_type", split)
    train, _, test = task.rows(0)
    assert set(train).isdisjoint(test)
    assert len(train) > 0
    assert len(test) > 0
    again = task.rows(0)
    np.testing.assert_array_equal(train, again[0])
    np.testing.assert_array_equal(test, again[2])
    assert not np.array_equal(train, task.rows(1)[0])


def test_what_each_split_takes(cells):
    types = types_of(cells)
    train, _, test = bm.Task("t", cells, "cell_type", bm.Stratified(0.2)).rows(0)
    assert pd.Series(types[test]).value_counts().tolist() == [6, 6, 6]
    train, _, test = bm.Task("t", cells, "cell_type", bm.FewLabels(5)).rows(0)
    assert pd.Series(types[train]).value_counts().tolist() == [5, 5, 5]
    assert len(test) == 75
    train, _, test = bm.Task("t", cells, "cell_type", bm.LeaveOut("donor", ["b"])).rows(0)
    assert set(cells.obs["donor"].iloc[test]) == {"b"}
    assert set(cells.obs["donor"].iloc[train]) == {"a", "c"}


def test_cells_without_a_type_and_small_types_are_left_out(cells):
    cells.obs["cell_type"] = cells.obs["cell_type"].cat.add_categories(["unknown", "rare"])
    cells.obs.iloc[:6, cells.obs.columns.get_loc("cell_type")] = ["unknown"] * 3 + [np.nan, "rare", "rare"]
    for split in (bm.Stratified(), bm.FewLabels(5)):
        train, _, test = bm.Task("t", cells, "cell_type", split).rows(0)
        assert min(np.concatenate([train, test])) >= 6


def test_across_data_sets_with_a_table_of_labels(cells):
    other = make_adata(n_obs=30, seed=1)
    other.obs["cell_type"] = ["T " + t[-1] for t in other.obs["cell_type"]]
    rename = {"type 0": "A", "T 0": "A", "type 1": "B", "T 1": "B"}
    task = bm.Task("t", cells, "cell_type", bm.Across(), other=other, rename=rename)
    train, told, test = task.rows(0)
    assert told is other
    assert len(train) == 54
    assert len(test) == 20
    results = bm.run([task], {"lr": LogisticRegression}, seeds=2)
    assert results.table["value"].min() > 0.9
    with pytest.raises(ValueError, match=r"no cell is left to tell.*rename="):
        bm.run([bm.Task("t", cells, "cell_type", bm.Across(), other=other)], {"lr": LogisticRegression}, seeds=1)


def test_run_is_tidy_and_leaves_the_data_as_they_were(cells):
    before = cells.obs.copy()
    tasks = [bm.Task("few", cells, "cell_type", bm.FewLabels(5)), bm.Task("many", cells, "cell_type", bm.Stratified())]
    results = bm.run(tasks, {"oracle": lambda: Oracle(types_of(cells)), "majority": Majority}, seeds=3)
    pd.testing.assert_frame_equal(cells.obs, before)
    assert list(results.table.columns) == ["task", "contender", "seed", "metric", "value", "seconds"]
    assert len(results.table) == 2 * 2 * 3 * 2
    assert (results.table.query("contender == 'oracle'")["value"] == 1).all()
    assert "2 tasks, 2 contenders, 3 seeds" in repr(results)
    again = bm.run(tasks, {"oracle": lambda: Oracle(types_of(cells)), "majority": Majority}, seeds=3)
    pd.testing.assert_frame_equal(again.table.drop(columns="seconds"), results.table.drop(columns="seconds"))


def test_metrics_are_sklearns():
    rng = np.random.default_rng(0)
    truth, told = rng.integers(4, size=200), rng.integers(6, size=200)
    weight = rng.integers(0, 3, size=200)
    table = confusion(truth, told, 6, weight)
    there = np.unique(truth[weight > 0])
    assert bm.METRICS["macro_f1"](table) == pytest.approx(
        f1_score(truth, told, average="macro", labels=there, sample_weight=weight)
    )
    assert bm.METRICS["accuracy"](table) == pytest.approx(accuracy_score(truth, told, sample_weight=weight))


def noisy(types, share, seed):
    """Types with a share of them wrong."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(types)) < share
    return np.where(wrong, rng.permutation(types), types)


def test_summary_says_who_is_better(cells):
    types = types_of(cells)
    contenders = {
        "good": lambda: Oracle(noisy(types, 0.02, 1)), "fair": lambda: Oracle(noisy(types, 0.25, 2)), "same": lambda: Oracle(noisy(types, 0.25, 2)),
        "majority": Majority,
    }  # fmt: skip
    results = bm.run([bm.Task("t", cells, "cell_type", bm.FewLabels(5))], contenders, seeds=3)
    table = bm.summary(results, against=["fair", "majority"], n_boot=300).set_index("contender")
    assert table.loc["good", "verdict"] == "better"
    assert table.loc["good", "against"] == "fair", "the best of the simple ones"
    assert table.loc["majority", "verdict"] == "worse"
    assert table.loc["same", "verdict"] == "not established"
    assert table.loc["same", ["difference", "low", "high"]].tolist() == [0, 0, 0]
    assert table.loc["fair", "against"] == "majority"
    for row in table.itertuples():
        assert row.low <= row.difference <= row.high
    mean = results.table.query("metric == 'macro_f1' and contender == 'good'")["value"].mean()
    assert table.loc["good", "mean"] == pytest.approx(mean)
    pd.testing.assert_frame_equal(bm.summary(results, n_boot=50), bm.summary(results, n_boot=50))
    with pytest.raises(ValueError, match="did not take part"):
        bm.summary(results, against="svm")
    with pytest.raises(ValueError, match="was not computed"):
        bm.summary(results, metric="auc")


@pytest.mark.parametrize("seeds", [1, 5])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(seeds):
    """Two contenders equally often right: in about 19 of 20 data sets the interval holds 0, be the same cells told once or in five seeds."""
    held = []
    for i in range(60):
        rng = np.random.default_rng(i)
        truth = rng.integers(3, size=150).astype(str)
        a, b = (np.where(rng.random(150) < 0.3, rng.permutation(truth), truth) for _ in "ab")
        rows = {("t", s): np.sort(rng.permutation(150)[:140]) for s in range(seeds)}
        told = {k: {"truth": truth[r], "a": a[r], "b": b[r]} for k, r in rows.items()}
        scored = pd.DataFrame([{"task": "t", "contender": c, "seed": s, "metric": "macro_f1", "value": 0.0, "seconds": 0.0} for s in range(seeds) for c in "ab"])  # fmt: skip
        row = bm.summary(bm.Results(scored, told, rows), n_boot=200).iloc[0]
        held.append(row["low"] <= 0 <= row["high"])
    assert 0.85 <= np.mean(held) <= 1


def test_the_interval_is_that_of_the_mean_score_over_a_plain_bootstrap():
    """One draw of cells for all seeds, written out with sklearn."""
    rng = np.random.default_rng(3)
    truth = rng.integers(3, size=60).astype(str)
    rows = {("t", s): np.sort(rng.permutation(60)[:40]) for s in range(3)}
    told = {
        k: {"truth": truth[r], "a": noisy(truth[r], 0.2, k[1]), "b": noisy(truth[r], 0.3, 9 + k[1])}
        for k, r in rows.items()
    }
    scored = pd.DataFrame([{"task": "t", "contender": c, "seed": s, "metric": "accuracy", "value": 0.0, "seconds": 0.0} for s in range(3) for c in "ab"])  # fmt: skip
    found = bm.summary(bm.Results(scored, told, rows), against="b", metric="accuracy", n_boot=4000).set_index(
        "contender"
    )
    drawn = []
    for _ in range(4000):
        cells = rng.integers(60, size=60)
        one = []
        for k in [list(rows)[i] for i in rng.integers(3, size=3)]:
            at = np.concatenate([np.flatnonzero(rows[k] == c) for c in cells])
            one.append(
                accuracy_score(told[k]["truth"][at], told[k]["a"][at])
                - accuracy_score(told[k]["truth"][at], told[k]["b"][at])
            )
        drawn.append(np.mean(one))
    np.testing.assert_allclose(found.loc["a", ["low", "high"]].astype(float), np.quantile(drawn, [0.025, 0.975]), atol=0.012)  # fmt: skip


def test_a_draw_without_a_cell_of_a_seed_is_left_out():
    truth = np.array(list("aabb"))
    rows = {("t", 0): np.array([0, 2]), ("t", 1): np.array([1, 3])}
    told = {k: {"truth": truth[r], "x": truth[r], "y": truth[r][::-1]} for k, r in rows.items()}
    scored = pd.DataFrame([{"task": "t", "contender": c, "seed": s, "metric": "accuracy", "value": 0.0, "seconds": 0.0} for s in range(2) for c in "xy"])  # fmt: skip
    row = bm.summary(bm.Results(scored, told, rows), against="y", metric="accuracy", n_boot=200).iloc[0]
    assert row["low"] == row["high"] == 1


def test_baselines_as_contenders(cells):
    cells.obsm["X_known"] = np.eye(3)[np.arange(90) % 3] + np.random.default_rng(0).normal(0, 0.1, (90, 3))
    contenders = {
        "log expression": LogisticRegression, "PCA": lambda: PCALogisticRegression(10), "embedding": lambda: EmbeddingLogisticRegression("X_known"),
    }  # fmt: skip
    results = bm.run([bm.Task("t", cells, "cell_type", bm.Stratified())], contenders, seeds=2, metrics=["accuracy"])
    assert (results.table["value"] > 0.9).all()
    with pytest.raises(KeyError, match=r"Run scellm\.tl\.embed"):
        EmbeddingLogisticRegression("X_none").fit(cells, "cell_type")


def test_pca_is_that_of_the_dense_matrix_and_looks_at_no_label(cells):
    from sklearn.decomposition import PCA

    from scellm.baselines._logistic_regression import log_expression

    floor = PCALogisticRegression(5).fit(cells, "cell_type", indices=np.arange(30))
    dense = PCA(5, svd_solver="full").fit(log_expression(cells, np.arange(90)).toarray())
    np.testing.assert_allclose(floor.pca.explained_variance_, dense.explained_variance_, rtol=1e-3)
    other = make_adata(n_obs=9, seed=4)[:, ::-1].copy()
    assert len(floor.predict(other)) == 9


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
    with pytest.raises(ValueError, match="names of their own"):
        bm.run([task, task], {"m": Majority})
    with pytest.raises(ValueError, match=r"\['auc'\] are not known"):
        bm.run([task], {"m": Majority}, metrics=["auc"])
    with pytest.raises(ValueError, match="cannot be called 'truth'"):
        bm.run([task], {"truth": Majority})

    class Short(Majority):
        def predict(self, adata, *, indices):
            return np.array(["type 0"])

    with pytest.raises(ValueError, match="'short' told 1 cells of task 't'; expected 18"):
        bm.run([task], {"short": Short}, seeds=1)
    assert "_scellm_bm" not in cells.obs


def test_it_is_a_room_of_the_package():
    assert scellm.bm is bm
