import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

import scellm
from tests.conftest import make_adata, real
from tests.reference.bins import by_vocabulary, oracle, report, spread


def test_duplicate_genes_are_summed_into_the_first_column(adata):
    names = adata.var_names.to_list()
    ensembl = scellm.genes.load_vocabulary().table.set_index("symbol")["ensembl_id"]
    names[5] = ensembl[names[3]]  # two names of one gene
    names[8] = names[2]
    adata.var_names = names
    scellm.pp.prepare(adata)
    ids = adata.var["celllm_gene"].to_numpy()
    assert ids[5] == ids[3]
    assert adata.layers["celllm_bins"][:, [5, 8]].nnz == 0
    assert np.array_equal(spread(adata), oracle(adata.X.toarray(), ids))
    assert report(adata)["genes_merged"] == 2


def test_all_of_raw_is_read_where_x_holds_selected_genes(adata):
    """The object of every scanpy tutorial: raw is the log of all genes, X is scaled and has the variable ones."""
    want = by_vocabulary(scellm.pp.prepare(adata, copy=True))
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    adata.raw = adata
    part = adata[:, :500].copy()
    part.X = sc.pp.scale(part.X.toarray(), max_value=10)
    scellm.pp.prepare(part)
    assert report(part)["matrix"] == "raw"
    assert "celllm_bins" not in part.layers
    assert "celllm_gene" not in part.var
    assert part.obsm["celllm_bins"].dtype == np.uint8
    assert (part.obsm["celllm_bins"] != want).nnz == 0
    whole = part.raw.to_adata()
    scellm.pp.prepare(whole)
    assert (by_vocabulary(whole) != want).nnz == 0


def test_a_second_call_leaves_one_place_for_the_bins(adata):
    adata.raw = adata
    part = adata[:, :500].copy()
    scellm.pp.prepare(part)
    del part.raw
    scellm.pp.prepare(part, panel=True)
    assert "celllm_bins" not in part.obsm
    assert "celllm_bins" in part.layers


def test_panel_gives_a_warning_and_can_be_refused():
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
def test_bad_input_is_an_error_and_changes_nothing(adata, change, error, message):
    change(adata)
    keys = (set(adata.layers), set(adata.var), set(adata.uns), set(adata.obs))
    with pytest.raises(error, match=message):
        scellm.pp.prepare(adata)
    assert keys == (set(adata.layers), set(adata.var), set(adata.uns), set(adata.obs))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"layer": "nope"}, KeyError),
        ({"var_column": "nope"}, KeyError),
        ({"target_sum": 0}, ValueError),
        ({"log_base": 1}, ValueError),
        ({"n_bins": 1}, ValueError),
        ({"n_bins": 300}, ValueError),
        ({"bin_edges": [2, 1]}, ValueError),
        ({"bin_edges": [0, 1]}, ValueError),
    ],
)
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
    table = scellm.genes.load_vocabulary().table.set_index("symbol")["ensembl_id"]
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


def test_no_random_state_is_changed(adata):
    before = np.random.get_state()[1].copy()  # noqa: NPY002  the state that must not change
    scellm.pp.prepare(adata)
    scellm.CellLM.setup_anndata(adata)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("name", ["eval/pbmc3k.h5ad", "eval/pancreas_baron_h1.h5ad"])
def test_real_cells_give_the_oracle(name):
    adata = real(name)[:300].copy()
    scellm.pp.prepare(adata)
    assert report(adata)["genes_matched"] > 17_000
    assert np.array_equal(spread(adata), oracle(adata.X.toarray().astype(float), adata.var["celllm_gene"].to_numpy()))
