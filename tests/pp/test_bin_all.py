import numpy as np

from scellm.pp._bin_all import bin_all
from scellm.pp._binning import Binning, Columns
from scellm.pp._expression import find_expression
from tests.conftest import make_adata
from tests.reference.bins import oracle


def test_bins_and_shares_against_the_oracle():
    adata = make_adata(50, 2100)
    rng = np.random.default_rng(0)
    ids = np.where(rng.random(2100) < 0.7, rng.permutation(19225)[:2100], -1)
    found = bin_all(find_expression(adata), Columns.of(ids, ids >= 0), ids, 19225, Binning())
    x = adata.X.toarray()
    assert np.array_equal(found.bins.toarray(), oracle(x, ids, x.sum(1)))
    np.testing.assert_allclose(found.kept, x[:, ids >= 0].sum(1))
    np.testing.assert_allclose(found.total, x.sum(1))
    assert found.share == found.kept.sum() / found.total.sum()
    assert np.array_equal(found.below(0.7), found.kept < 0.7 * found.total)
