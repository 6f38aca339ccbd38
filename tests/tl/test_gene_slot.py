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


@pytest.mark.parametrize("key", ["celllm_bins", "counts"])
def test_slots_of_others_are_not_overwritten(model, key):
    adata = model.adata
    adata.layers["counts"] = adata.X.copy()
    before = adata.layers[key].copy()
    with pytest.raises(ValueError, match="would be overwritten"):
        scellm.tl.attention(adata, model, key_added=key)
    assert (adata.layers[key] != before).nnz == 0
    scellm.tl.attention(adata, model)
    scellm.tl.attention(adata, model)  # its own may be


def test_an_earlier_layer_does_not_hide_the_new_values(model):
    adata = model.adata
    scellm.tl.attention(adata, model)
    part = adata[:, :500].copy()
    del part.layers["celllm_bins"]
    part.raw = adata
    scellm.pp.prepare(part)
    scellm.tl.attention(part, model)
    assert read_gene_values(part, "celllm_attention", "f")[0].shape == (60, 19225)


def test_bad_batch_sizes_change_nothing(model):
    from tests.conftest import make_adata

    adata = make_adata(10)
    with pytest.raises(ValueError, match="batch_size must be"):
        scellm.tl.attention(adata, model, batch_size=-3)
    assert not adata.layers
