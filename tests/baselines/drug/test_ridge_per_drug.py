import numpy as np

from scellm.baselines.drug import RidgePerDrug
from scellm.baselines.drug._base import profiles_of
from scellm.baselines.drug._kernel_ridge import Kernel, solve
from tests.responses import make_data


def test_each_drug_is_a_problem_of_its_own():
    data = make_data()
    found = RidgePerDrug("linear").fit(data.lines, data.responses).predict(data.lines, ["erlotinib"])
    y = data.responses["erlotinib"]
    own = np.flatnonzero(y.notna())
    x = profiles_of(data.lines)
    kernel = Kernel.of(x, "linear")
    gram = kernel(x)
    want = y.mean() + gram[:, own] @ solve(gram[np.ix_(own, own)], (y.iloc[own] - y.mean()).to_numpy()[:, None])
    np.testing.assert_allclose(found, want)


def test_a_drug_with_four_values_has_its_mean():
    data = make_data()
    table = data.responses.copy()
    table.iloc[4:, 0] = np.nan
    found = RidgePerDrug().fit(data.lines, table).predict(data.lines, [table.columns[0]])
    np.testing.assert_allclose(found, table.iloc[:, 0].mean())
