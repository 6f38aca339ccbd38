import pytest
import scipy.sparse as sp

import scellm
from scellm.tl._gene_slot import read_gene_values, write_gene_values


def test_a_layer_and_back(prepared):
    values = sp.random(*prepared.shape, density=0.01, format="csr", dtype="float32", random_state=0)
    assert write_gene_values(prepared, "mine", values) == "layers"
    found, genes = read_gene_values(prepared, "mine", "f")
    assert (found != values).nnz == 0
    assert genes is prepared.var_names


def test_genes_of_the_vocabulary(prepared):
    n = len(scellm.genes.load_vocabulary())
    prepared.obsm["mine"] = sp.random(60, n, density=1e-4, format="csr", random_state=0)
    _, genes = read_gene_values(prepared, "mine", "f")
    assert genes[0] == scellm.genes.load_vocabulary().symbols[0]
    with pytest.raises(KeyError, match=r"'yours' is in neither.*Run the_call first"):
        read_gene_values(prepared, "yours", "the_call")
