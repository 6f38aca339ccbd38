import numpy as np

from scellm.baselines.drug import DenoisedRidge, DrugMean
from scellm.baselines.drug._denoised_ridge import denoised
from scellm.bm.drug import DrugTask, run_drugs
from tests.responses import make_data


def test_known_values_count_half():
    values = make_data().responses.to_numpy()
    mean = np.nanmean(values, 0)
    found = denoised(values, mean, 3)
    assert np.isfinite(found).all()
    known = np.isfinite(values)
    fitted = 2 * found[known] - (values - mean)[known]
    assert np.corrcoef(fitted, (values - mean)[known])[0, 1] > 0.9


def test_unseen_lines_are_predicted():
    methods = {"ridge": DenoisedRidge, "linear": lambda: DenoisedRidge("linear"), "mean": DrugMean}
    found = run_drugs([DrugTask("x", make_data())], methods, seeds=2).pivot()["interaction"]
    assert found[("x", "ridge")] > 0.7
    assert found[("x", "linear")] > 0.7
    assert found[("x", "mean")] == 0
