import numpy as np
import pytest

from scellm.bm._interval import interval, verdict


def test_quantiles_of_the_mean_over_seeds():
    draws = np.random.default_rng(0).normal(size=(3, 1000))
    low, high = interval(draws, 0.9)
    assert (low, high) == pytest.approx(np.quantile(draws.mean(0), [0.05, 0.95]))


def test_draws_that_are_not_defined():
    draws = np.array([[1.0, np.nan, 3.0], [3.0, np.nan, np.nan]])
    assert interval(draws, 0.0) == (2.5, 2.5)
    assert np.isnan(interval(draws * np.nan, 0.9)).all()


@pytest.mark.parametrize(
    ("low", "high", "of_score", "of_error"),
    [
        (0.1, 0.2, "better", "worse"),
        (-0.2, -0.1, "worse", "better"),
        (-0.1, 0.1, "not established", "not established"),
        (0.0, 0.1, "not established", "not established"),
        (np.nan, np.nan, "not established", "not established"),
    ],
)
def test_what_is_established(low, high, of_score, of_error):
    assert verdict(low, high, higher_is_better=True) == of_score
    assert verdict(low, high, higher_is_better=False) == of_error
