import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MaxAbsScaler

import scellm
from scellm.baselines import L1LogisticRegression, log_expression


def test_is_one_against_the_rest_with_few_genes(cells):
    rows, rest = np.arange(60), np.arange(60, 90)
    found = L1LogisticRegression(0.5).fit(cells, "cell_type", indices=rows)
    classifier = found.model[-1]
    used = [(e.coef_ != 0).sum() for e in classifier.estimators_]
    assert all(0 < n < 60 for n in used)
    types = cells.obs["cell_type"].astype(str).to_numpy()
    assert (found.predict(cells, indices=rest) == types[rest]).mean() > 0.9
    assert found.predict_proba(cells, indices=rest).shape == (30, 3)
    # liblinear with an L1 penalty, as the estimator states it
    assert all(e.solver == "liblinear" for e in classifier.estimators_)
    x = MaxAbsScaler().fit(log_expression(cells, rows)).transform(log_expression(cells, rows))
    ridge = OneVsRestClassifier(LogisticRegression(C=0.5, solver="liblinear")).fit(x, types[rows])
    assert np.abs(classifier.estimators_[0].coef_).sum() < np.abs(ridge.estimators_[0].coef_).sum()


def test_takes_part_in_a_benchmark(cells):
    task = scellm.bm.Task("t", cells, "cell_type", scellm.bm.FewLabels(5))
    table = scellm.bm.run([task], {"L1": L1LogisticRegression}, seeds=1).table
    assert table["value"].min() > 0.5
    again = scellm.bm.run([task], {"L1": L1LogisticRegression}, seeds=1).table
    assert again["value"].tolist() == table["value"].tolist()
