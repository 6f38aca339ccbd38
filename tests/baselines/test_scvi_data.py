import numpy as np
import scipy.sparse as sp

from scellm.baselines._scvi_data import as_adata


def test_cells_are_as_scvi_tools_reads_them():
    data = as_adata(sp.csr_matrix(np.eye(10, 5)), np.repeat(["a", "b"], 5))
    assert data.X.dtype == np.float32
    assert data.obs["type"].tolist() == ["a"] * 5 + ["b"] * 5
