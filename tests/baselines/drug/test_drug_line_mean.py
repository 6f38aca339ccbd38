import numpy as np

from scellm.baselines.drug import DrugLineMean, DrugMean
from tests.responses import make_data


def test_additive_data_are_completed_exactly():
    data = make_data()
    rng = np.random.default_rng(0)
    table = data.responses * 0 + rng.normal(size=(60, 1)) + rng.normal(size=10)
    found = DrugLineMean().fit(data.lines, table.where(rng.random(table.shape) < 0.7)).predict(data.lines, list(table))
    known = table.notna().to_numpy()
    np.testing.assert_allclose(found.to_numpy()[known], table.to_numpy()[known], atol=1e-3)


def test_an_unseen_line_has_the_means_of_the_drugs():
    data = make_data()
    method = DrugLineMean().fit(data.lines, data.responses.iloc[:40])
    want = DrugMean().fit(data.lines, data.responses.iloc[:40]).predict(data.lines[50:], ["aspirin"])
    np.testing.assert_allclose(method.predict(data.lines[50:], ["aspirin"]), want)
