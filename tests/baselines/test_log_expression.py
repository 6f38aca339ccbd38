import numpy as np
import scanpy as sc

from scellm.baselines import log_expression
from scellm.baselines._log_expression import vocabulary_counts


def test_expression_is_scanpys(adata):
    got = log_expression(adata, np.arange(60))
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    ids = adata.var["celllm_gene"].to_numpy()
    np.testing.assert_allclose(got[:, ids].toarray(), adata.X.toarray(), rtol=1e-5)


def test_counts_are_those_of_the_data_on_the_vocabulary(adata):
    rows = np.array([7, 2])
    found, total = vocabulary_counts(adata, rows)
    assert found.shape == (2, 19225)
    np.testing.assert_array_equal(found[:, adata.var["celllm_gene"]].toarray(), adata.X[rows].toarray())
    np.testing.assert_array_equal(total, adata.X[rows].sum(1).A1)
