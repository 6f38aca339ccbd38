import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

import scellm
from tests.conftest import make_adata
from tests.reference.bins import oracle, spread

KINDS = {
    "csr": sp.csr_matrix,
    "csc": sp.csc_matrix,
    "csr_array": sp.csr_array,
    "csc_array": sp.csc_array,
    "dense": np.asarray,
    "coo": lambda x: sp.csr_matrix(sp.coo_matrix(x)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.uint16, np.int8])
def test_every_matrix_and_dtype_gives_the_oracle(kind, dtype):
    adata = make_adata(20, 2100, kind=KINDS[kind], dtype=dtype)
    before = adata.X.copy()
    scellm.pp.prepare(adata)
    layer = adata.layers["celllm_bins"]
    assert isinstance(layer, sp.csr_matrix)
    assert layer.dtype == np.uint8
    assert layer.shape == adata.shape
    assert layer.has_canonical_format
    dense = before if isinstance(before, np.ndarray) else before.toarray()
    assert np.array_equal(spread(adata), oracle(dense.astype(float), adata.var["celllm_gene"].to_numpy()))
    after = adata.X if isinstance(adata.X, np.ndarray) else adata.X.toarray()
    assert np.array_equal(after, dense)


def test_view_backed_and_copy(adata, tmp_path):
    whole = scellm.pp.prepare(adata, copy=True)
    assert "celllm_bins" not in adata.layers
    adata.write_h5ad(tmp_path / "a.h5ad")
    backed = ad.read_h5ad(tmp_path / "a.h5ad", backed="r")
    scellm.pp.prepare(backed)
    assert (backed.layers["celllm_bins"] != whole.layers["celllm_bins"]).nnz == 0
    dense = ad.AnnData(adata.X.toarray(), obs=adata.obs, var=adata.var)
    dense.write_h5ad(tmp_path / "d.h5ad")
    copied = scellm.pp.prepare(ad.read_h5ad(tmp_path / "d.h5ad", backed="r"), copy=True)
    assert (copied.layers["celllm_bins"] != whole.layers["celllm_bins"]).nnz == 0
    part = adata[10:30]
    with pytest.warns(ad.ImplicitModificationWarning):
        scellm.pp.prepare(part)
    assert (part.layers["celllm_bins"] != whole.layers["celllm_bins"][10:30]).nnz == 0


def test_explicit_zeros_duplicate_and_unsorted_entries(adata):
    want = scellm.pp.prepare(adata, copy=True).layers["celllm_bins"]
    x = adata.X.tocoo()
    half = x.data // 2
    x = sp.coo_matrix(
        (np.concatenate([half, x.data - half]), (np.tile(x.row, 2), np.tile(x.col, 2))), shape=x.shape
    )  # every count is split into two entries, some of them zero
    order = np.lexsort((-x.col, x.row))
    indptr = np.searchsorted(x.row[order], np.arange(adata.n_obs + 1))
    adata.X = sp.csr_matrix((x.data[order], x.col[order], indptr), shape=x.shape)
    scellm.pp.prepare(adata)
    assert (adata.layers["celllm_bins"] != want).nnz == 0
