import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap
from sklearn.metrics import accuracy_score

from scellm import bm
from tests.reference.methods import Majority, Oracle, types_of


def noisy(types, share, seed):
    """Types, a share of which is wrong."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(types)) < share
    return np.where(wrong, rng.permutation(types), types)


def test_verdicts(cells):
    types = types_of(cells)
    methods = {
        "good": lambda: Oracle(noisy(types, 0.02, 1)),
        "fair": lambda: Oracle(noisy(types, 0.25, 2)),
        "same": lambda: Oracle(noisy(types, 0.25, 2)),
        "majority": Majority,
    }
    results = bm.run([bm.Task("t", cells, "cell_type", bm.FewLabels(5))], methods, seeds=3)
    table = bm.summary(results, against=["fair", "majority"], n_boot=300).set_index("method")
    assert table.loc["good", "verdict"] == "better"
    assert table.loc["good", "against"] == "fair", "the best of the simple methods"
    assert table.loc["majority", "verdict"] == "worse"
    assert table.loc["same", "verdict"] == "not established"
    assert table.loc["same", ["difference", "low", "high"]].tolist() == [0, 0, 0]
    assert table.loc["fair", "against"] == "majority"
    for row in table.itertuples():
        assert row.low <= row.difference <= row.high
    mean = results.table.query("metric == 'macro_f1' and method == 'good'")["value"].mean()
    assert table.loc["good", "mean"] == pytest.approx(mean)
    pd.testing.assert_frame_equal(bm.summary(results, n_boot=50), bm.summary(results, n_boot=50))
    with pytest.raises(ValueError, match="did not take part"):
        bm.summary(results, against="svm")
    with pytest.raises(ValueError, match="was not computed"):
        bm.summary(results, metric="auc")


def test_with_one_seed_the_interval_is_that_of_scipys_paired_bootstrap(cells):
    types = types_of(cells)
    methods = {"a": lambda: Oracle(noisy(types, 0.1, 1)), "b": lambda: Oracle(noisy(types, 0.3, 2))}
    results = bm.run([bm.Task("t", cells, "cell_type", bm.FewLabels(5))], methods, seeds=1, metrics=["accuracy"])
    row = bm.summary(results, against="b", n_boot=4000).set_index("method").loc["a"]
    found = results.predictions["t", 0]
    right = [(found[m] == found["y_true"]).astype(float) for m in methods]
    difference = lambda x, y, axis: x.mean(axis) - y.mean(axis)
    wanted = bootstrap(
        right, difference, paired=True, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert (row["low"], row["high"]) == pytest.approx(tuple(wanted), abs=0.015)
    assert row["difference"] == pytest.approx(difference(*right, 0))


@pytest.mark.parametrize("seeds", [1, 5])
def test_the_interval_has_its_nominal_coverage(seeds):
    """Two methods that are right equally often: the interval contains 0 in about 19 of 20 data sets."""
    held = []
    for i in range(60):
        rng = np.random.default_rng(i)
        truth = rng.integers(3, size=150).astype(str)
        a, b = (np.where(rng.random(150) < 0.3, rng.permutation(truth), truth) for _ in "ab")
        rows = {("t", s): np.sort(rng.permutation(150)[:140]) for s in range(seeds)}
        predicted = {k: {"y_true": truth[r], "a": a[r], "b": b[r]} for k, r in rows.items()}
        scored = pd.DataFrame(
            [
                {"task": "t", "method": c, "seed": s, "metric": "macro_f1", "value": 0.0, "seconds": 0.0}
                for s in range(seeds)
                for c in "ab"
            ]
        )
        row = bm.summary(bm.Results(scored, predicted, rows), n_boot=200).iloc[0]
        held.append(row["low"] <= 0 <= row["high"])
    assert 0.85 <= np.mean(held) <= 1


def test_the_interval_is_that_of_the_mean_score_over_a_plain_bootstrap():
    """The same draw of cells for all seeds, computed with sklearn."""
    rng = np.random.default_rng(3)
    truth = rng.integers(3, size=60).astype(str)
    rows = {("t", s): np.sort(rng.permutation(60)[:40]) for s in range(3)}
    predicted = {
        k: {"y_true": truth[r], "a": noisy(truth[r], 0.2, k[1]), "b": noisy(truth[r], 0.3, 9 + k[1])}
        for k, r in rows.items()
    }
    scored = pd.DataFrame(
        [
            {"task": "t", "method": c, "seed": s, "metric": "accuracy", "value": 0.0, "seconds": 0.0}
            for s in range(3)
            for c in "ab"
        ]
    )
    found = bm.summary(bm.Results(scored, predicted, rows), against="b", metric="accuracy", n_boot=4000).set_index(
        "method"
    )
    drawn = []
    for _ in range(4000):
        cells = rng.integers(60, size=60)
        one = []
        for k in [list(rows)[i] for i in rng.integers(3, size=3)]:
            at = np.concatenate([np.flatnonzero(rows[k] == c) for c in cells])
            one.append(
                accuracy_score(predicted[k]["y_true"][at], predicted[k]["a"][at])
                - accuracy_score(predicted[k]["y_true"][at], predicted[k]["b"][at])
            )
        drawn.append(np.mean(one))
    np.testing.assert_allclose(
        found.loc["a", ["low", "high"]].astype(float), np.quantile(drawn, [0.025, 0.975]), atol=0.012
    )
