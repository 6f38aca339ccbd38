import numpy as np
import scipy.sparse as sp

from scellm.baselines._scvi_data import as_adata, most_variable


def test_genes_that_vary_most():
    counts = sp.csr_matrix(np.array([[0, 1, 0, 9], [0, 2, 4, 0], [0, 1, 4, 9]], np.float32))
    assert most_variable(counts, 2).tolist() == [2, 3]
    assert most_variable(counts, 9).tolist() == [1, 2, 3]


def test_cells_are_as_scvi_tools_reads_them():
    data = as_adata(sp.csr_matrix(np.eye(10, 5)), np.repeat(["a", "b"], 5))
    assert data.X.dtype == np.float32
    assert data.obs["type"].tolist() == ["a"] * 5 + ["b"] * 5
