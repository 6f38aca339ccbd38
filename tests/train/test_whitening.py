import numpy as np
import pytest
import torch
from scipy.linalg import fractional_matrix_power

from scellm.train._whitening import within_group_whitening


def cells(seed=0):
    rng = np.random.default_rng(seed)
    groups = rng.integers(5, size=300)
    spread = rng.normal(size=(6, 6))
    return torch.from_numpy(3 * rng.normal(size=(5, 6))[groups] + rng.normal(size=(300, 6)) @ spread), groups


def test_against_the_formula():
    z, groups = cells()
    x = z.numpy()
    within = sum((len(v := x[groups == g]) - 1) * np.cov(v.T) for g in range(5)) / (300 - 5)
    wanted = fractional_matrix_power(within + 0.1 * np.linalg.eigvalsh(within).max() * np.eye(6), -0.5)
    wanted *= np.sqrt(x.var(0).sum() / (x @ wanted).var(0).sum())
    np.testing.assert_allclose(within_group_whitening(z, groups).numpy(), wanted, rtol=1e-8, atol=1e-10)


def test_the_spread_within_groups_becomes_round():
    z, groups = cells()
    y = (z @ within_group_whitening(z, groups, floor=1e-9)).numpy()
    within = sum(((v := y[groups == g]) - v.mean(0)).T @ (v - v.mean(0)) for g in range(5))
    np.testing.assert_allclose(within / within[0, 0], np.eye(6), atol=1e-5)
    assert y.var(0).sum() == pytest.approx(float(z.var(0).sum()), rel=0.01)


def test_names_of_groups_do_not_matter():
    z, groups = cells()
    torch.testing.assert_close(within_group_whitening(z, groups), within_group_whitening(z, 70 - 9 * groups))


def test_without_spread_there_is_nothing_to_divide_by():
    z, _ = cells()
    with pytest.raises(ValueError, match="No cluster has two cells"):
        within_group_whitening(z, np.arange(300))
