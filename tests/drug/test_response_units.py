import numpy as np
import pandas as pd
import pytest

from scellm.drug._response_units import checked_values

NAMES = pd.DataFrame({"line": ["L"] * 200, "drug": ["D"] * 200})
LN = np.random.default_rng(0).normal(2.5, 2.7, 200)  # as in GDSC


def check(values, kind="ln_ic50"):
    return checked_values(pd.Series(values), kind, NAMES.iloc[: len(values)])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (LN / np.log(10), "log10_ic50"),
        ((LN - np.log(1e6)) / np.log(10), "log10_molar"),
        (-(LN - np.log(1e6)) / np.log(10), "pic50"),
    ],
)
def test_all_logarithms_become_ln_um(values, kind):
    np.testing.assert_allclose(check(values, kind), LN)


@pytest.mark.parametrize(
    ("values", "looks"),
    [
        ((LN - np.log(1e6)) / np.log(10), "log10 of IC50 in mol/l"),
        (6 - LN[np.abs(LN - 2.5) < 4] / np.log(10), "pIC50"),
        (np.exp(LN), "concentrations in uM"),
        (np.random.default_rng(1).random(200), "areas under the curve"),
    ],
)
def test_other_units_are_refused(values, looks):
    with pytest.raises(ValueError, match=f"look like {looks}"):
        check(values)


@pytest.mark.parametrize("kind", ["pic50", "auc", "log10_molar"])
def test_a_stated_kind_that_cannot_be_is_refused(kind):
    with pytest.raises(ValueError, match="The responses"):
        check(LN, kind)
    with pytest.raises(ValueError, match="The responses"):
        check(LN * 3, "log10_ic50")


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        (np.exp(LN), r"in uM.*np\.log\(values / 1\)"),
        (np.exp(LN) * 1000, r"in nM.*np\.log\(values / 1000\)"),
        (np.exp(LN) / 1e9, r"in mol/l.*np\.log\(values / 1e-06\)"),
    ],
)
def test_concentrations_come_with_the_way_out(values, hint):
    with pytest.raises(ValueError, match=hint):
        check(values)


def test_what_may_be_a_concentration_is_a_warning():
    with pytest.warns(UserWarning, match="though none is below 0"):
        check(np.minimum(np.exp(LN), 8))
    np.testing.assert_array_equal(check(np.abs(LN) * 3, "auc"), np.abs(LN) * 3)  # AUC of any scale


def test_ln_is_taken_as_it_is_and_gaps_stay():
    found = check([1.5, None, -3.0])
    np.testing.assert_array_equal(found, [1.5, np.nan, -3.0])
    np.testing.assert_array_equal(check(LN), LN)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, "high"])
def test_what_is_no_number(bad):
    with pytest.raises(ValueError, match=r"1 responses are no finite numbers, such as .* of L and D"):
        check([1.0, bad])
