import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

import scellm
from tests.conftest import make_adata, real


def oracle(counts: np.ndarray, ids: np.ndarray, totals: np.ndarray | None = None) -> np.ndarray:
    """Bin + 1 by the plain formula, dense, (cells, vocabulary)."""
    merged = np.zeros((len(counts), 19225))
    for j in np.flatnonzero(ids >= 0):
        merged[:, ids[j]] += counts[:, j]
    totals = counts.sum(1) if totals is None else totals
    value = np.log1p(merged * 1e4 / np.maximum(totals, 1)[:, None])
    return np.where(merged > 0, np.clip(np.floor(value), 0, 5) + 1, 0)


def spread(adata: ad.AnnData) -> np.ndarray:
    """The layer as (cells, vocabulary)."""
    ids = adata.var["celllm_gene"].to_numpy()
    out = np.zeros((adata.n_obs, 19225))
    layer = adata.layers["celllm_bins"].toarray()
    for j in np.flatnonzero(ids >= 0):
        out[:, ids[j]] += layer[:, j]
    return out


def report(adata):
    return adata.uns["celllm"]["prepare"]


KINDS = {
    "csr": sp.csr_matrix, "csc": sp.csc_matrix, "csr_array": sp.csr_array, "csc_array": sp.csc_array, "dense": np.asarray,
    "coo": lambda x: sp.csr_matrix(sp.coo_matrix(x)),
}  # fmt: skip


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
    )  # every count in two places, some zero
    order = np.lexsort((-x.col, x.row))
    indptr = np.searchsorted(x.row[order], np.arange(adata.n_obs + 1))
    adata.X = sp.csr_matrix((x.data[order], x.col[order], indptr), shape=x.shape)
    scellm.pp.prepare(adata)
    assert (adata.layers["celllm_bins"] != want).nnz == 0


def test_duplicate_genes_are_summed_into_the_first_column(adata):
    names = adata.var_names.to_list()
    ensembl = scellm.pp.load_vocabulary().table.set_index("symbol")["ensembl_id"]
    names[5] = ensembl[names[3]]  # two names of one gene
    names[8] = names[2]
    adata.var_names = names
    scellm.pp.prepare(adata)
    ids = adata.var["celllm_gene"].to_numpy()
    assert ids[5] == ids[3]
    assert adata.layers["celllm_bins"][:, [5, 8]].nnz == 0
    assert np.array_equal(spread(adata), oracle(adata.X.toarray(), ids))
    assert report(adata)["genes_merged"] == 2


@pytest.mark.parametrize("base", [None, 2, 10])
@pytest.mark.parametrize("target", [None, 1e4, 1e6, 3333.0])
def test_log1p_of_any_base_and_target_gives_the_bins_of_the_counts(adata, base, target):
    want = scellm.pp.prepare(adata, copy=True).layers["celllm_bins"]
    sc.pp.normalize_total(adata, target_sum=target)
    sc.pp.log1p(adata, base=base)
    scellm.pp.prepare(adata)
    assert report(adata)["taken_for"] == "log1p"
    assert (adata.layers["celllm_bins"] != want).nnz == 0


def test_log1p_of_unscaled_counts_and_normalised_without_log(adata):
    want = scellm.pp.prepare(adata, copy=True).layers["celllm_bins"]
    logged = adata.copy()
    sc.pp.log1p(logged)
    scellm.pp.prepare(logged)
    assert (logged.layers["celllm_bins"] != want).nnz == 0
    sc.pp.normalize_total(adata, target_sum=1e4)
    scellm.pp.prepare(adata)
    assert report(adata)["taken_for"] == "normalised"
    assert (adata.layers["celllm_bins"] != want).nnz == 0


def test_log1p_of_part_of_the_genes_gives_the_bins_of_the_whole(adata):
    want = scellm.pp.prepare(adata, copy=True).layers["celllm_bins"][:, ::2]
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    part = adata[:, ::2].copy()
    scellm.pp.prepare(part, panel=True)
    assert (part.layers["celllm_bins"] != want).nnz == 0


def test_counts_with_decimals(adata):
    adata.X.data *= np.random.default_rng(0).uniform(0.5, 1.5, adata.X.nnz).astype(np.float32) * 30
    scellm.pp.prepare(adata)
    assert report(adata)["taken_for"] == "counts with decimals"
    assert np.array_equal(spread(adata), oracle(adata.X.toarray().astype(float), adata.var["celllm_gene"].to_numpy()))


def test_scaled_x_falls_back_to_raw_and_layers(adata):
    want = scellm.pp.prepare(adata, copy=True).layers["celllm_bins"]
    counts = adata.X.copy()
    sc.pp.normalize_total(adata)
    sc.pp.log1p(adata)
    adata.raw = adata
    adata.X = sc.pp.scale(adata.X, copy=True)
    from_raw = scellm.pp.prepare(adata, copy=True)
    assert report(from_raw)["matrix"] == "raw"
    assert (from_raw.layers["celllm_bins"] != want).nnz == 0
    adata.layers["counts"] = counts
    from_layer = scellm.pp.prepare(adata, copy=True)
    assert report(from_layer)["matrix"] == "layers/counts"
    assert scellm.pp.prepare(adata, layer="raw", copy=True).uns["celllm"]["prepare"]["matrix"] == "raw"


def test_selected_genes_with_whole_raw_are_refused_with_the_call_that_mends_it(adata):
    adata.raw = adata
    part = adata[:, :500].copy()
    with pytest.raises(ValueError, match=r"adata = adata.raw.to_adata\(\)"):
        scellm.pp.prepare(part)
    assert "celllm_bins" not in part.layers
    assert "celllm" not in part.uns
    scellm.pp.prepare(part.raw.to_adata())


def test_panel_is_allowed_with_a_warning_and_refused_if_asked():
    adata = make_adata(30, 400)
    with pytest.warns(UserWarning, match="targeted panel"):
        scellm.pp.prepare(adata)
    assert report(adata)["panel"] == 1
    scellm.pp.prepare(adata, panel=True)
    with pytest.raises(ValueError, match="fewer than min_genes=2,000"):
        scellm.pp.prepare(adata, panel=False)


def test_too_few_counts(adata):
    x = adata.X.toarray()
    foreign = ad.AnnData(np.full((adata.n_obs, 1), x.sum(1).max() * 3), var=pd.DataFrame(index=["spike-in"]))
    foreign.obs_names = adata.obs_names
    joined = ad.concat([ad.AnnData(x, var=adata.var, obs=adata.obs), foreign], axis=1)
    with pytest.raises(ValueError, match=r"known genes hold .* less than min_counts=50%.*spike-in"):
        scellm.pp.prepare(joined)
    scellm.pp.prepare(joined, min_counts=0.0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda a: setattr(a, "X", sc.pp.scale(a.X.toarray())), ValueError, "scaled or centred.*layers\\['counts'\\]"),
        (lambda a: a.X.data.__setitem__(3, np.nan), ValueError, "NaN or infinite"),
        (
            lambda a: setattr(a, "var_names", [f"g{i}" for i in range(a.n_vars)]),
            ValueError,
            "0 of 2,400 genes are known.*'g0', 'g1'",
        ),
        (lambda a: setattr(a, "var_names", [n.capitalize() for n in a.var_names]), ValueError, "mouse"),
    ],
)
def test_bad_input_says_so_and_changes_nothing(adata, change, error, message):
    change(adata)
    keys = (set(adata.layers), set(adata.var), set(adata.uns), set(adata.obs))
    with pytest.raises(error, match=message):
        scellm.pp.prepare(adata)
    assert keys == (set(adata.layers), set(adata.var), set(adata.uns), set(adata.obs))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"layer": "nope"}, KeyError), ({"var_column": "nope"}, KeyError), ({"target_sum": 0}, ValueError), ({"log_base": 1}, ValueError),
        ({"n_bins": 1}, ValueError), ({"n_bins": 300}, ValueError), ({"bin_edges": [2, 1]}, ValueError), ({"bin_edges": [0, 1]}, ValueError),
    ],
)  # fmt: skip
def test_bad_options(adata, options, error):
    with pytest.raises(error):
        scellm.pp.prepare(adata, **options)
    assert "celllm_bins" not in adata.layers


def test_empty_cells_are_kept_with_a_warning(adata):
    x = adata.X.tolil()
    x[4] = 0
    adata.X = x.tocsr()
    with pytest.warns(UserWarning, match="1 of 60 cells express no known gene"):
        scellm.pp.prepare(adata)
    assert adata.layers["celllm_bins"][4].nnz == 0


def test_names_in_a_column_and_versions(adata):
    table = scellm.pp.load_vocabulary().table.set_index("symbol")["ensembl_id"]
    want = scellm.pp.prepare(adata, copy=True).layers["celllm_bins"]
    adata.var["gene_name"] = adata.var_names.to_list()
    adata.var_names = [f"row{i}" for i in range(adata.n_vars)]
    scellm.pp.prepare(adata)
    assert report(adata)["names_from"] == "gene_name"
    assert (adata.layers["celllm_bins"] != want).nnz == 0
    has_id = adata.var["gene_name"].map(table).notna().to_numpy()
    adata = adata[:, has_id].copy()
    adata.var_names = [f"{table[n]}.7" for n in adata.var["gene_name"]]
    scellm.pp.prepare(adata, var_column=None)
    assert report(adata)["genes_by_id"] + report(adata)["genes_by_symbol"] == adata.n_vars


def test_report_survives_the_disk(adata, tmp_path):
    scellm.pp.prepare(adata)
    adata.write_h5ad(tmp_path / "a.h5ad")
    back = ad.read_h5ad(tmp_path / "a.h5ad")
    assert report(back) == report(adata)
    assert (back.layers["celllm_bins"] != adata.layers["celllm_bins"]).nnz == 0


def test_no_random_stream_is_touched(adata):
    before = np.random.get_state()[1].copy()  # noqa: NPY002  the stream that must not move
    scellm.pp.prepare(adata)
    scellm.CellLM.setup_anndata(adata)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("name", ["eval/pbmc3k.h5ad", "eval/pancreas_baron_h1.h5ad"])
def test_real_cells_give_the_oracle(name):
    adata = real(name)[:300].copy()
    scellm.pp.prepare(adata)
    assert report(adata)["genes_matched"] > 17_000
    assert np.array_equal(spread(adata), oracle(adata.X.toarray().astype(float), adata.var["celllm_gene"].to_numpy()))


def test_the_demo_set():
    adata = sc.datasets.pbmc68k_reduced()
    with pytest.warns(UserWarning, match=r"panel|scaled"):
        scellm.pp.prepare(adata)
    assert report(adata)["matrix"] == "raw"
    assert report(adata)["taken_for"] == "log1p"
    assert "rounded to three decimals" in report(adata)["why"]
    value = np.where(adata.raw.X.toarray() > 0, np.clip(np.floor(adata.raw.X.toarray()), 0, 5) + 1, 0)
    known = adata.var["celllm_gene"].to_numpy() >= 0
    differ = adata.layers["celllm_bins"].toarray()[:, known] != value[:, known]
    assert differ.mean() < 1e-3  # genes of two columns
