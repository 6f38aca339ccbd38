import numpy as np
import scipy.sparse as sp

from scellm.data._most_variable import most_variable


def test_genes_that_vary_most():
    counts = sp.csr_matrix(np.array([[0, 1, 0, 9], [0, 2, 4, 0], [0, 1, 4, 9]], np.float32))
    assert most_variable(counts, 2).tolist() == [2, 3]
    assert most_variable(counts, 9).tolist() == [1, 2, 3]
