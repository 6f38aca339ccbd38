import numpy as np
import scanpy as sc

from scellm.baselines import log_expression


def test_expression_is_scanpys(adata):
    got = log_expression(adata, np.arange(60))
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    ids = adata.var["celllm_gene"].to_numpy()
    np.testing.assert_allclose(got[:, ids].toarray(), adata.X.toarray(), rtol=1e-5)
