import numpy as np
import pytest

from scellm.baselines.drug import Factorization
from scellm.baselines.drug._factorization import Additive, factorized
from tests.responses import make_data


def plain(values, rank, seed, steps=15, penalty=6.0):
    """Alternating least squares, one line and one drug at a time."""
    known, base = np.isfinite(values), Additive.of(values).table
    rest, rng = values - base, np.random.default_rng(seed)
    u, v = (rng.normal(0, 0.1, (n, rank)) for n in values.shape)
    for _ in range(steps):
        for a, b, w, r in ((u, v, known, rest), (v, u, known.T, rest.T)):
            for j in range(len(b)):
                own = w[:, j]
                b[j] = np.linalg.solve(a[own].T @ a[own] + penalty * np.eye(rank), a[own].T @ r[own, j])
    return base + u @ v.T


def test_it_is_alternating_least_squares():
    values = make_data().responses.to_numpy()
    np.testing.assert_allclose(factorized(values, 3, 5), plain(values, 3, 5), rtol=1e-8, atol=1e-8)


def test_hidden_values_of_low_rank_are_found():
    data, rng = make_data(n_lines=200), np.random.default_rng(0)
    hidden = data.responses.notna() & (rng.random(data.responses.shape) < 0.1)
    method = Factorization(4).fit(data.lines, data.responses.mask(hidden))
    found = method.predict(data.lines, list(data.responses)).to_numpy()[hidden]
    want = data.responses.to_numpy()[hidden]
    assert np.corrcoef(found, want)[0, 1] > 0.85


@pytest.mark.parametrize("per_drug", [False, True])
def test_units_do_not_matter_per_drug(per_drug):
    data = make_data()
    scale = np.array([1.0, 100.0] * 5)
    predict = lambda t: Factorization(3, per_drug=per_drug).fit(data.lines, t).predict(data.lines, list(t))
    same = np.allclose(predict(data.responses * scale) / scale, predict(data.responses), atol=1e-3)
    assert same == per_drug
