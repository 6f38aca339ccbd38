import numpy as np

from scellm.baselines.drug import DrugMean
from tests.responses import make_data


def test_it_is_the_mean():
    data = make_data()
    found = DrugMean().fit(data.lines, data.responses).predict(data.lines, list(data.responses))
    np.testing.assert_allclose(found.iloc[0], data.responses.mean())
    assert found.nunique().eq(1).all()


def test_a_drug_without_values_gets_the_mean_of_all():
    data = make_data()
    table = data.responses.assign(empty=np.nan)
    found = DrugMean().fit(data.lines, table).predict(data.lines, ["empty"])
    np.testing.assert_allclose(found, np.nanmean(table.to_numpy()))
