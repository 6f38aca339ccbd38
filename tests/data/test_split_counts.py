import numpy as np
import pytest

from scellm.data import Counts, SplitCounts
from tests.data.test_pseudo_clusters import groups


def dense(counts, genes=300):
    x = np.zeros((len(counts.cell), genes))
    np.add.at(x, (counts.cell_of_token, counts.gene), counts.count)
    return x


def test_the_halves_hold_every_molecule_once():
    counts, _ = groups(80)
    with_rest = Counts(counts.gene, counts.count, counts.offsets, counts.total + 40, counts.cell)
    first, second = SplitCounts().pair(with_rest, key=5)
    np.testing.assert_array_equal(dense(first) + dense(second), dense(counts))
    np.testing.assert_array_equal(first.total + second.total, with_rest.total)
    assert (first.count > 0).all()
    assert (second.count > 0).all()


def test_the_halves_are_independent_given_the_rates():
    rng = np.random.default_rng(0)
    n = 4000
    x = rng.poisson(6, size=n)
    counts = Counts(np.zeros(n, np.int32), x.astype(float), np.arange(n + 1), x.astype(float), np.arange(n))
    first, second = (dense(v, 1)[:, 0] for v in SplitCounts(0.3).pair(counts, key=0))
    assert first.mean() == pytest.approx(1.8, rel=0.05)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05
    assert first.var() == pytest.approx(1.8, rel=0.1)


def test_the_share_is_checked():
    for share in (0, 1):
        with pytest.raises(ValueError, match="share above 0 and below 1"):
            SplitCounts(share)
