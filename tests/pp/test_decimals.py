import anndata as ad
import numpy as np
import pytest
import scanpy as sc
import scipy.sparse as sp

import scellm
from tests.conftest import make_adata
from tests.reference.bins import by_vocabulary, report


def changed(adata, f):
    adata.X = sp.csr_matrix(
        (f(adata.X.data.astype(np.float64)).astype(np.float32), adata.X.indices, adata.X.indptr), adata.shape
    )
    return adata


def scran(adata, base=2):
    sf = np.random.default_rng(0).lognormal(0, 0.3, adata.n_obs)
    adata.X = sp.csr_matrix(sp.diags(1 / sf) @ adata.X)
    return changed(adata, lambda x: np.log1p(x) / np.log(base))


@pytest.mark.parametrize("target", [1e3, 5e3, 1e5, 1e6, 777.0])
def test_part_of_the_genes_of_any_target(target):
    adata = make_adata(60)
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    sc.pp.normalize_total(adata, target_sum=target)
    sc.pp.log1p(adata)
    part = adata[:, ::2].copy()
    scellm.pp.prepare(part, panel=True)
    ids = part.var["celllm_gene"].to_numpy()
    assert (by_vocabulary(part)[:, ids] != want[:, ids]).nnz == 0


def test_size_factors_give_the_counts_back_with_a_warning():
    adata = make_adata(60, 10_100)
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    with pytest.warns(UserWarning, match="as if all genes of a cell are here"):
        scellm.pp.prepare(scran(adata))
    assert (by_vocabulary(adata) != want).nnz == 0


@pytest.mark.parametrize("share", [0.03, 0.5, 0.97])
@pytest.mark.parametrize("base", [None, 2])
def test_cells_of_several_forms_are_read_one_by_one_and_that_is_said(share, base):
    adata = make_adata(60)
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    n = round(60 * share)
    logged = adata[n:].copy()
    sc.pp.normalize_total(logged, target_sum=1e4)
    sc.pp.log1p(logged, base=base)
    mixed = ad.concat([adata[:n], logged])
    with pytest.warns(UserWarning, match="cells differ"):
        scellm.pp.prepare(mixed)
    assert (by_vocabulary(mixed) != want).nnz == 0


def test_two_targets_in_one_matrix():
    adata = make_adata(60)
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    parts = [adata[:30].copy(), adata[30:].copy()]
    for part, target in zip(parts, (1e4, 1e6), strict=True):
        sc.pp.normalize_total(part, target_sum=target)
        sc.pp.log1p(part)
    mixed = ad.concat(parts)
    scellm.pp.prepare(mixed)
    assert (by_vocabulary(mixed) != want).nnz == 0


@pytest.mark.parametrize(
    ("rows", "value", "message"),
    [(31, -50.0, r"go down to -50 \(cell 'cell31'\)"), (7, np.nan, "NaN or infinite in 1 cells.*'cell7'")],
)
def test_a_single_bad_value_anywhere_is_found(rows, value, message):
    adata = make_adata(60)
    x = adata.X.toarray()
    x[rows, 9] = value
    adata.X = x
    before = set(adata.layers), set(adata.uns), set(adata.var)
    with pytest.raises(ValueError, match=message):
        scellm.pp.prepare(adata)
    assert (set(adata.layers), set(adata.uns), set(adata.var)) == before


def test_what_no_count_reaches_and_what_is_rounding():
    adata = make_adata()
    adata.X.data[5] = 1e30
    with pytest.raises(ValueError, match="which no count reaches"):
        scellm.pp.prepare(adata)
    adata.X.data[5] = -1e-8
    with pytest.raises(ValueError, match="rounding errors"):
        scellm.pp.prepare(adata)


def test_float_noise_is_rounded_away():
    adata = make_adata()
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    scellm.pp.prepare(changed(adata, lambda x: x + np.random.default_rng(0).uniform(-4e-4, 4e-4, len(x))))
    assert report(adata)["taken_for"] == "counts"
    assert (by_vocabulary(adata) != want).nnz == 0


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (lambda a: changed(a, np.sqrt), "square roots of counts"),
        (lambda a: changed(a, lambda x: -x), "scaled or centred"),
    ],
)
def test_what_cannot_be_read_says_why(form, message):
    with pytest.raises(ValueError, match=message):
        scellm.pp.prepare(form(make_adata()))


def log_then_normalised(adata):
    changed(adata, np.log1p)
    sc.pp.normalize_total(adata, target_sum=1e4)
    return adata


def tpm_log2(adata):
    x = adata.X.toarray() / np.random.default_rng(0).lognormal(7.5, 0.6, adata.n_vars)
    x = x / x.sum(1, keepdims=True) * 1e6
    adata.X = np.log2(x + 1).astype(np.float32)
    return adata[:, :2200].copy()


@pytest.mark.parametrize(
    ("form", "message"),
    [
        (log_then_normalised, r"every row sums to 10,000.*no multiples|log of whole counts"),
        (tpm_log2, "log1p in base 2|log1p in base 10"),
        (lambda a: changed(changed(a, np.log1p), np.log1p), "linear scale|log of whole counts"),
    ],
    ids=["log, then normalised", "log2 of TPM", "log of a log"],
)
def test_guesses_are_warnings(form, message):
    with pytest.warns(UserWarning, match=message):
        scellm.pp.prepare(form(make_adata()))


def test_one_cell_alone_says_that_its_scale_is_open():
    adata = make_adata(60, 10_100)
    sc.pp.normalize_total(adata, target_sum=5e3)
    sc.pp.log1p(adata)
    one = adata[:1, ::2].copy()
    with pytest.warns(UserWarning, match="sum that cells were scaled to is not known"):
        scellm.pp.prepare(one, panel=True)


def test_scaled_without_the_most_expressed_genes():
    adata = make_adata(60, 10_100)
    adata.X = adata.X.toarray()
    adata.X[:, 3] = np.random.default_rng(0).integers(200, 3000, 60)
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    sc.pp.normalize_total(adata, target_sum=1e4, exclude_highly_expressed=True)
    sc.pp.log1p(adata)
    with pytest.warns(UserWarning, match="as if all genes of a cell are here"):
        scellm.pp.prepare(adata)
    assert (by_vocabulary(adata) != want).nnz == 0


def test_scaled_together_with_antibodies():
    adata = make_adata()
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    proteins = np.random.default_rng(0).poisson(50, (60, 4)).astype(np.float32)
    both = ad.AnnData(np.hstack([adata.X.toarray(), proteins]), var={"_": [*adata.var_names, *"abcd"]}, obs=adata.obs)
    both.var_names = [*adata.var_names, *"abcd"]
    both.var["feature_types"] = ["Gene Expression"] * adata.n_vars + ["Antibody Capture"] * 4
    sc.pp.normalize_total(both, target_sum=1e4)
    sc.pp.log1p(both)
    scellm.pp.prepare(both)
    assert (by_vocabulary(both) != want).nnz == 0
