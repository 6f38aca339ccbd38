import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, rankdata

from scellm.baselines import RankLogisticRegression
from scellm.baselines._rank_logistic_regression import rank_scores
from tests.conftest import make_adata


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_scores_are_those_of_scipy_and_ignore_depth_and_monotone_maps(seed):
    rng = np.random.default_rng(seed)
    x = rng.poisson(0.8, (6, 15)).astype(float)
    x[0], x[1] = 0, rng.integers(1, 5, 15)  # a cell without genes, and one with all
    z = norm.ppf(rankdata(x, axis=1) / 16)
    zeros = (x == 0).sum(1)
    base = norm.ppf(np.where(zeros > 0, (zeros + 1) / 2, 0.5) / 16)
    found = rank_scores(sp.csr_matrix(x))
    np.testing.assert_allclose(found.toarray(), np.where(x > 0, z - base[:, None], 0), atol=1e-6)
    assert found.nnz == np.count_nonzero(x)
    np.testing.assert_allclose(rank_scores(sp.csr_matrix(np.log1p(7 * x))).toarray(), found.toarray())


def test_it_learns_from_the_genes_that_differ_and_predicts_other_data(cells):
    truth = cells.obs["cell_type"].astype(str).to_numpy()
    fitted = RankLogisticRegression(40, 10).fit(cells, "cell_type", indices=np.arange(45))
    assert (fitted.predict(cells, indices=np.arange(45, 90)) == truth[45:90]).mean() > 0.8
    assert len(fitted.genes) <= 40
    assert fitted.features(cells, np.arange(4)).shape == (4, 10)
    other = make_adata(n_obs=9, seed=4)[:, ::-1].copy()
    assert fitted.predict_proba(other).shape == (9, 3)
