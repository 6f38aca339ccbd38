import numpy as np
import pandas as pd

from scellm.bm.drug._tissue_mean import tissue_deviations


def test_the_sum_over_the_number_and_three_more():
    rest = pd.DataFrame({"x": [1.0, 2.0, np.nan, -4.0], "y": [np.nan, np.nan, 3.0, 1.0]}, index=list("abcd"))
    found = tissue_deviations(rest, pd.Series(["lung", "lung", "lung", "skin"]))
    assert found.loc["lung"].tolist() == [3 / 5, 3 / 4]
    assert found.loc["skin"].tolist() == [-1.0, 0.25]
    assert tissue_deviations(rest, pd.Series(["a"] * 4), 0).loc["a", "y"] == 2
