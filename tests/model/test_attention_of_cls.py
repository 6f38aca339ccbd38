import numpy as np
import pytest
import scipy.sparse as sp
import torch

import scellm
from scellm._tokens import Tokens
from scellm.model._attention_of_cls import attention_of_cls
from tests.conftest import SMALL, make_adata


def test_rows_stand_in_the_columns_of_their_genes(model):
    adata = model.adata
    found = attention_of_cls(model, adata, batch_size=16)
    bins = adata.layers["celllm_bins"]
    assert found.dtype == np.float32
    assert (found != 0).nnz == bins.nnz
    assert ((found != 0) != (bins != 0)).nnz == 0
    row = bins[7]
    tokens = Tokens.of(
        {
            "gene": adata.var["celllm_gene"].to_numpy()[row.indices].astype(np.int64),
            "bin": row.data.astype(np.int64) - 1,
            "offsets": np.array([0, row.nnz]),
        }
    )
    encoder = model.module.cell_encoder
    want = encoder.encoder.cls_attention(encoder.pad(tokens)).mean(1)[0]
    torch.testing.assert_close(torch.from_numpy(found[7, row.indices].toarray()[0]), want[1:], rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(found[7].sum(), 1 - float(want[0]), rtol=1e-5)


def test_a_cell_does_not_depend_on_others_and_weights_stay_trainable(model):
    whole = attention_of_cls(model, model.adata)
    part = model.adata[[3, 40]].copy()
    np.testing.assert_allclose(attention_of_cls(model, part).toarray(), whole[[3, 40]].toarray(), rtol=1e-4, atol=1e-7)
    assert all(p.requires_grad for p in model.module.parameters())


def test_models_without_attention_and_blocks_that_are_not_there(prepared):
    bag = scellm.CellLM(prepared, **{**SMALL, "depth": 0})
    with pytest.raises(ValueError, match=r"no attention \(depth=0\).*tl.contributions"):
        attention_of_cls(bag, prepared)
    two = scellm.CellLM(prepared, **SMALL)
    with pytest.raises(ValueError, match="block must be"):
        attention_of_cls(two, prepared, block=2)


def test_a_gene_in_two_columns_and_a_cell_without_genes():
    adata = make_adata(8, 300)
    names = adata.var_names.to_numpy().copy()
    names[5] = names[4]
    adata.var_names = names
    adata.X = sp.csr_matrix(adata.X.multiply((np.arange(8) != 2)[:, None]))
    with pytest.warns(UserWarning, match="express no known gene"):
        scellm.pp.prepare(adata, min_counts=0, panel=True)
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    found = attention_of_cls(model, adata)
    assert found.shape == adata.shape
    assert found[2].nnz == 0
    assert ((found != 0) != (adata.layers["celllm_bins"] != 0)).nnz == 0
