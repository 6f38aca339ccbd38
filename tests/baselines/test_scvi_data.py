import numpy as np
import scipy.sparse as sp

from scellm.baselines._scvi_data import as_adata, most_variable, vocabulary_counts
from tests.conftest import make_adata


def test_genes_that_vary_most():
    counts = sp.csr_matrix(np.array([[0, 1, 0, 9], [0, 2, 4, 0], [0, 1, 4, 9]], np.float32))
    assert most_variable(counts, 2).tolist() == [2, 3]
    assert most_variable(counts, 9).tolist() == [1, 2, 3]


def test_counts_are_those_of_the_data_on_the_vocabulary():
    adata = make_adata(10)
    found = vocabulary_counts(adata)
    assert found.shape == (10, 19225)
    np.testing.assert_array_equal(found[:, adata.var["celllm_gene"]].toarray(), adata.X.toarray())
    data = as_adata(found[:, :5], np.repeat(["a", "b"], 5))
    assert data.obs["type"].tolist() == ["a"] * 5 + ["b"] * 5
