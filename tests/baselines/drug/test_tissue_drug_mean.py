import numpy as np
import pytest

from scellm.baselines.drug import TissueDrugMean
from tests.responses import make_data


def test_it_is_the_shrunken_mean_of_the_tissue():
    data = make_data()
    found = TissueDrugMean(3).fit(data.lines, data.responses, tissue_key="tissue").predict(data.lines, ["aspirin"])
    own = data.lines.obs["tissue"] == "lung"
    values = data.responses["aspirin"]
    n, mean = values[own].notna().sum(), values.mean()
    want = mean + (values[own] - mean).sum() / (n + 3)
    np.testing.assert_allclose(found.loc[own.to_numpy(), "aspirin"], want)


def test_an_unseen_tissue_has_the_means_of_the_drugs():
    data = make_data()
    table = data.responses[(data.lines.obs["tissue"] != "skin").to_numpy()]
    found = TissueDrugMean().fit(data.lines, table, tissue_key="tissue").predict(data.lines, ["aspirin"])
    skin = (data.lines.obs["tissue"] == "skin").to_numpy()
    np.testing.assert_allclose(found.loc[skin, "aspirin"], table["aspirin"].mean())


def test_without_tissues():
    data = make_data()
    with pytest.raises(ValueError, match="TissueDrugMean needs tissue_key="):
        TissueDrugMean().fit(data.lines, data.responses)
