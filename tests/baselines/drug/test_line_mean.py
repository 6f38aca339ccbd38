import numpy as np

from scellm.baselines.drug import LineMean
from tests.responses import make_data


def test_the_mean_of_the_line_for_any_drug():
    data = make_data()
    method = LineMean().fit(data.lines, data.responses.iloc[:50])
    found = method.predict(data.lines, ["never seen", "aspirin"])
    np.testing.assert_allclose(found.iloc[:50, 0], data.responses.iloc[:50].mean(axis=1))
    np.testing.assert_allclose(found.iloc[50:], np.nanmean(data.responses.iloc[:50].to_numpy()))
