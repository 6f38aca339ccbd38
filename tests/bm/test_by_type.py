import numpy as np
import pandas as pd
import pytest

import scellm
from scellm import bm
from tests.reference.methods import Majority, Oracle, types_of


def test_scores_by_hand():
    y_true, y_pred = np.array(list("aaabb")), np.array(list("aabbc"))
    answers = {("t", 0): {"y_true": y_true, "m": y_pred}, ("t", 1): {"y_true": y_true, "m": y_true}}
    table = bm.by_type(bm.Results(pd.DataFrame(), answers, {}))
    assert list(table.columns) == ["task", "method", "type", "cells", "precision", "recall", "f1"]
    a = table.set_index("type").loc["a"]
    assert (a["cells"], a["precision"], a["recall"]) == (3, 1, pytest.approx((2 / 3 + 1) / 2))
    b = table.set_index("type").loc["b"]
    assert (b["precision"], b["recall"], b["f1"]) == (0.75, 0.75, 0.75)


def test_the_mean_of_f1_is_macro_f1(cells):
    task = bm.Task("t", cells, "cell_type", bm.FewLabels(5))
    results = bm.run([task], {"o": lambda: Oracle(types_of(cells)), "m": Majority}, seeds=2)
    table = bm.by_type(results)
    macro = results.table.query("metric == 'macro_f1'").groupby("method")["value"].mean()
    np.testing.assert_allclose(table.groupby("method")["f1"].mean()[macro.index], macro)


def test_tasks_of_numbers_have_no_types(cells):
    cells.obs["score"] = np.arange(90.0)

    class Mean:
        def fit(self, adata, key, *, indices): ...

        def predict(self, adata, *, indices):
            return np.zeros(len(indices))

    task = bm.NumberTask("n", cells, "score", bm.RandomCells())
    results = bm.run([task], {"mean": Mean}, seeds=1, metrics=["rmse"])
    with pytest.raises(ValueError, match="Task 'n' is one of numbers"):
        scellm.bm.by_type(results)
