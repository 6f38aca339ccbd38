import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

import scellm
from tests.conftest import make_adata
from tests.reference.bins import by_vocabulary, report


def logged(adata, target=1e4):
    out = adata.copy()
    sc.pp.normalize_total(out, target_sum=target)
    sc.pp.log1p(out)
    return out


def split(counts, share, seed=0):
    part = counts.copy()
    part.data = np.random.default_rng(seed).binomial(part.data.astype(int), share).astype(np.float32)
    return sp.csr_matrix(part)


OTHERS = {
    "X_binned": lambda x: sp.csr_matrix((np.floor(np.log2(x.data + 1)) + 1, x.indices, x.indptr), x.shape),
    "rank": lambda x: sp.csr_matrix(np.argsort(np.argsort(x.toarray(), axis=1), axis=1).astype(np.float32)),
    "mask": lambda x: x > 0,
    "ambient": lambda x: split(x, 0.2),
    "unspliced": lambda x: split(x, 0.3),
    "labels": lambda x: np.repeat(np.arange(x.shape[0])[:, None] % 5 + 1, x.shape[1], 1),
    "denoised_rounded": lambda x: sp.csr_matrix((x.data + 2, x.indices, x.indptr), x.shape),
    "posterior": lambda x: split(x, 0.9),
}


@pytest.mark.parametrize("name", OTHERS)
def test_an_exact_log_tells_which_whole_numbers_are_its_counts(adata, name):
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    counts, adata = adata.X.copy(), logged(adata)
    adata.layers[name] = OTHERS[name](counts)
    scellm.pp.prepare(adata)
    assert report(adata)["matrix"] == "X"
    assert (by_vocabulary(adata) != want).nnz == 0
    adata.layers["my counts"] = counts
    scellm.pp.prepare(adata)
    assert report(adata)["matrix"] == "layers/my counts"
    assert (by_vocabulary(adata) != want).nnz == 0


@pytest.mark.parametrize("name", ["rank", "mask", "ambient", "unspliced", "labels"])
def test_without_a_log_counts_win_over_what_are_none(adata, name):
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    adata.layers[name] = OTHERS[name](adata.X)
    scellm.pp.prepare(adata)
    assert report(adata)["matrix"] == "X"
    assert (by_vocabulary(adata) != want).nnz == 0


def test_an_empty_x_or_none_loses(adata):
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    counts = adata.X.copy()
    for x in (sp.csr_matrix(adata.shape, dtype=np.float32), None):
        other = type(adata)(x, obs=adata.obs, var=pd.DataFrame(index=adata.var_names), layers={"a": counts})
        scellm.pp.prepare(other)
        assert (by_vocabulary(other) != want).nnz == 0


def test_parts_are_summed(adata):
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    nascent = split(adata.X, 0.4)
    mature = sp.csr_matrix(adata.X - nascent)
    other = type(adata)(None, obs=adata.obs, var=pd.DataFrame(index=adata.var_names))
    other.layers["nascent"], other.layers["mature"] = nascent, mature
    with pytest.warns(UserWarning, match=r"\['nascent', 'mature'\] are parts of the counts: read their sum"):
        scellm.pp.prepare(other)
    assert (by_vocabulary(other) != want).nnz == 0
    scellm.CellLM.setup_anndata(other)
    model = scellm.CellLM(other, dim=16, depth=1, heads=2, dim_head=8)
    model.pretrain(max_steps=1, batch_size=8, view="thin", accelerator="cpu", enable_progress_bar=False)


def test_several_counts_are_a_guess_that_is_said(adata):
    adata.layers["counts"] = split(adata.X, 0.8)
    with pytest.warns(UserWarning, match=r"several matrices hold different counts, \['counts', 'X'\].*pass layer='X'"):
        scellm.pp.prepare(adata)
    assert report(adata)["matrix"] == "layers/counts"
    scellm.pp.prepare(adata, layer="X")
    assert report(adata)["matrix"] == "X"


def test_counts_that_are_not_those_of_the_log_are_named(adata):
    other = split(adata.X, 0.5)
    adata = logged(adata)
    adata.layers["counts"] = other
    with pytest.warns(UserWarning, match=r"layers/counts holds other counts than those behind adata.X.*layer='counts'"):
        scellm.pp.prepare(adata)


def test_the_widest_of_matrices_that_agree_is_read(adata):
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    adata.raw = logged(adata)
    part = adata[:, 100:2300].copy()  # counts of some genes in X, the log of all in raw
    scellm.pp.prepare(part)
    assert report(part)["matrix"] == "raw"
    assert (by_vocabulary(part) != want).nnz == 0


@pytest.mark.parametrize("clip", [None, 10])
def test_scaled_without_centring_loses(clip):
    adata = make_adata(80)
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    adata = logged(adata)
    adata.layers["lognorm"] = adata.X.copy()
    sc.pp.scale(adata, zero_center=False, max_value=clip)
    scellm.pp.prepare(adata)
    assert report(adata)["matrix"] == "layers/lognorm"
    assert (by_vocabulary(adata) != want).nnz == 0
    del adata.layers["lognorm"]
    with pytest.raises(ValueError, match="divided by its standard deviation"):
        scellm.pp.prepare(adata)
