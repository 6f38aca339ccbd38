import numpy as np

from scellm.baselines.drug import DrugMean, LineSensitivity
from tests.responses import make_data, make_table


def test_one_number_a_line_is_all_it_says():
    data = make_data()
    found = LineSensitivity().fit(data.lines, data.responses.iloc[:45]).predict(data.lines, list(data.responses))
    mean = DrugMean().fit(data.lines, data.responses.iloc[:45]).predict(data.lines, list(data.responses))
    deviation = (found - mean).to_numpy()
    np.testing.assert_allclose(deviation, deviation[:, :1].repeat(10, 1), atol=1e-9)


def test_it_finds_general_sensitivity():
    data = make_data()
    general = data.lines.obsm["factors"][:, 0]
    table = make_table(data.lines) * 0 + general[:, None]
    found = LineSensitivity("linear").fit(data.lines, table.iloc[:45]).predict(data.lines[45:], ["aspirin"])
    assert np.corrcoef(found["aspirin"], general[45:])[0, 1] > 0.9
