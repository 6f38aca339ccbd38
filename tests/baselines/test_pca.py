import numpy as np
import pytest

from scellm.baselines import PCALogisticRegression
from tests.conftest import make_adata


@pytest.fixture
def cells():
    adata = make_adata(n_obs=90)
    adata.obs["donor"] = np.array(list("abc"))[np.arange(90) // 30]
    return adata


def test_pca_is_that_of_the_dense_matrix_and_uses_no_label(cells):
    from sklearn.decomposition import PCA

    from scellm.baselines import log_expression

    floor = PCALogisticRegression(5).fit(cells, "cell_type", indices=np.arange(30))
    dense = PCA(5, svd_solver="full").fit(log_expression(cells, np.arange(90)).toarray())
    np.testing.assert_allclose(floor.pca.explained_variance_, dense.explained_variance_, rtol=1e-3)
    other = make_adata(n_obs=9, seed=4)[:, ::-1].copy()
    assert len(floor.predict(other)) == 9
