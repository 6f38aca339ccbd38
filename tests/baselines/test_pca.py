import numpy as np

from scellm.baselines import PCALogisticRegression
from tests.conftest import make_adata


def test_pca_is_that_of_the_dense_matrix_and_uses_no_label(cells):
    from sklearn.decomposition import PCA

    from scellm.baselines import log_expression

    floor = PCALogisticRegression(5).fit(cells, "cell_type", indices=np.arange(30))
    dense = PCA(5, svd_solver="full").fit(log_expression(cells, np.arange(90)).toarray())
    np.testing.assert_allclose(floor.pca.explained_variance_, dense.explained_variance_, rtol=1e-3)
    other = make_adata(n_obs=9, seed=4)[:, ::-1].copy()
    assert len(floor.predict(other)) == 9
