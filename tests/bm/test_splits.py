import numpy as np
import pandas as pd
import pytest

from scellm import bm
from tests.reference.methods import types_of


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


def test_a_draw_without_a_cell_of_a_seed_is_left_out():
    truth = np.array(list("aabb"))
    rows = {("t", 0): np.array([0, 2]), ("t", 1): np.array([1, 3])}
    predicted = {k: {"y_true": truth[r], "x": truth[r], "y": truth[r][::-1]} for k, r in rows.items()}
    scored = pd.DataFrame(
        [
            {"task": "t", "method": c, "seed": s, "metric": "accuracy", "value": 0.0, "seconds": 0.0}
            for s in range(2)
            for c in "xy"
        ]
    )
    row = bm.summary(bm.Results(scored, predicted, rows), against="y", metric="accuracy", n_boot=200).iloc[0]
    assert row["low"] == row["high"] == 1


def test_a_hash_holds_out_the_same_cells_always(cells):
    types, split = cells.obs["cell_type"].astype(str).to_numpy(object), bm.HashSplit(0.3)
    drawn = [split(types, cells.obs, np.random.default_rng(seed)) for seed in range(3)]
    assert all(np.array_equal(test, drawn[0][1]) for _, test in drawn)
    assert not np.array_equal(drawn[0][0], drawn[1][0])
    assert not np.intersect1d(*drawn[0]).size
    assert 0.15 < len(drawn[0][1]) / 90 < 0.45
    part = np.arange(40, 90)[::-1]
    _, test = split(types[part], cells.obs.iloc[part], np.random.default_rng(0))
    assert set(part[test]) == set(drawn[0][1]) & set(part)
    assert set(bm.HashSplit(0.3, key="other")(types, cells.obs, np.random.default_rng(0))[1]) != set(drawn[0][1])


def test_a_hash_reads_its_whole_key(cells):
    types = cells.obs["cell_type"].astype(str).to_numpy(object)
    tested = lambda key: bm.HashSplit(0.4, key=key)(types, cells.obs, np.random.default_rng(0))[1].tolist()
    keys = ["my-test-set-of-2024-A", "my-test-set-of-2024-B", "a", "a.", "Prüfung"]
    assert len({tuple(tested(key)) for key in keys}) == len(keys)
    with pytest.raises(ValueError, match="a share between 0 and 1"):
        bm.HashSplit(20)
    with pytest.raises(ValueError, match="a word as key"):
        bm.HashSplit(key=1)
