"""What must not matter for drug responses: the order of lines, drugs, genes and cells, and how tables are written."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import scellm
from scellm.baselines.drug import DenoisedRidge, Factorization, LineSensitivity, RidgePerDrug
from scellm.bm.drug import drug_metrics
from scellm.drug import Responses
from tests.responses import SMILES, make_lines, make_pairs, make_response, make_table, make_tumour

LINES = make_lines()
TABLE = make_table(LINES)


@given(st.integers(0, 500))
def test_scores_do_not_depend_on_the_order_of_lines_and_drugs(seed):
    rng = np.random.default_rng(seed)
    truth = TABLE.to_numpy()
    p = np.nan_to_num(truth) + rng.normal(size=truth.shape)
    mean, tissue = np.nanmean(truth, 0), rng.normal(size=truth.shape)
    rows, columns = rng.permutation(truth.shape[0]), rng.permutation(truth.shape[1])
    at = np.ix_(rows, columns)
    one = drug_metrics(truth, p, mean, tissue_mean=tissue, k=2)
    other = drug_metrics(truth[at], p[at], mean[columns], tissue_mean=tissue[at], k=2)
    assert one == pytest.approx(other, abs=1e-6)


@given(st.floats(0.1, 10), st.floats(-20, 20))
def test_correlations_do_not_depend_on_the_scale_of_predictions(scale, shift):
    truth = TABLE.to_numpy()
    mean = np.nanmean(truth, 0)
    p = mean + np.random.default_rng(0).normal(size=truth.shape)
    one, other = (drug_metrics(truth, x, mean, k=2) for x in (p, mean + scale * (p - mean) + shift))
    for name in ("interaction", "residual", "per_line", "hit5"):
        assert one[name] == pytest.approx(other[name], abs=1e-6)


@pytest.mark.parametrize("make", [DenoisedRidge, RidgePerDrug, LineSensitivity, Factorization])
def test_baselines_do_not_depend_on_the_order_of_lines(make):
    order = np.random.default_rng(0).permutation(60)
    drugs = list(TABLE.columns)
    one = make().fit(LINES, TABLE).predict(LINES, drugs)
    if make is Factorization:  # its first factors are drawn in the order of the lines, so that it agrees only nearly
        other = make().fit(LINES, TABLE.iloc[order]).predict(LINES, drugs)
        assert np.corrcoef(one.to_numpy().ravel(), other.to_numpy().ravel())[0, 1] > 0.99
        return
    rank = {"rank": 0} if make is DenoisedRidge else {}
    one = make(**rank).fit(LINES, TABLE).predict(LINES, drugs)
    other = make(**rank).fit(LINES, TABLE.iloc[order]).predict(LINES, drugs)
    pd.testing.assert_frame_equal(one, other, atol=1e-6)


@settings(max_examples=15)
@given(st.integers(0, 100))
def test_the_order_of_measurements_does_not_matter(seed):
    long = make_pairs(TABLE)
    twice = pd.concat([long, long.head(20)])
    one = Responses.of(twice, LINES.obs_names)
    other = Responses.of(twice.sample(frac=1, random_state=seed), LINES.obs_names)
    pd.testing.assert_frame_equal(one.table, other.table, atol=1e-12)
    pd.testing.assert_frame_equal(one.n_repeats, other.n_repeats)


@pytest.fixture(scope="module")
def model():
    return make_response(drug_encoder="onehot")


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a[:, np.random.default_rng(0).permutation(a.n_vars)].copy(),
        lambda a: ad.AnnData(sp.csr_matrix(a.X), a.obs[[]], a.var),
        lambda a: ad.AnnData(sp.csc_matrix(a.X), a.obs[[]], a.var),
        lambda a: ad.AnnData(a.X.astype(np.float64), a.obs[[]], a.var),
        lambda a: ad.AnnData(a.X * 3, a.obs[[]], a.var),
        lambda a: a[::-1].copy(),
    ],
    ids=["genes", "csr", "csc", "float64", "scale", "lines"],
)
def test_how_profiles_are_written_does_not_matter(model, change):
    found = model.predict(change(model.adata.copy()))
    pd.testing.assert_frame_equal(found.loc[model.predict().index], model.predict(), atol=1e-4)


def test_genes_by_ensembl_id(model):
    vocabulary = scellm.genes.load_vocabulary()
    ids = vocabulary.table.set_index("symbol")["ensembl_id"]
    named = model.adata.copy()
    named.var_names = [ids[s] if isinstance(ids[s], str) and ids[s] else s for s in named.var_names]
    pd.testing.assert_frame_equal(model.predict(named), model.predict(), atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.assign(line=p["line"].astype("category"), drug=p["drug"].astype("category")),
        lambda p: p.assign(value=p["value"].astype(str)),
        lambda p: p.set_axis(np.zeros(len(p), int)),
        lambda p: p.assign(drug=" " + p["drug"] + " "),
        lambda p: p.convert_dtypes(),
        lambda p: pd.concat([p, pd.DataFrame({"line": [None, "L1"], "drug": ["aspirin", None], "value": [1.0, 2.0]})]),
    ],
    ids=["categories", "text", "index", "spaces", "dtypes", "gaps"],
)
def test_how_responses_are_written_does_not_matter(model, change):
    lines = make_lines()
    scellm.DrugResponse.setup_anndata(lines)
    other = scellm.DrugResponse(lines, responses=change(make_pairs(TABLE)), drug_encoder="onehot")
    other.train()
    pd.testing.assert_frame_equal(other.predict(), model.predict(), atol=1e-6)


@pytest.mark.filterwarnings("ignore:Only 400 genes:UserWarning")  # made-up profiles are small
@pytest.mark.parametrize(
    "change",
    [
        lambda a: a[np.random.default_rng(0).permutation(a.n_obs)].copy(),
        lambda a: ad.AnnData(sp.csr_matrix(a.X), a.obs, a.var),
        lambda a: a[:, ::-1].copy(),
    ],
    ids=["cells", "csr", "genes"],
)
def test_how_cells_are_written_does_not_matter_for_a_screen(model, change):
    tumour = make_tumour(model.adata)
    other = change(tumour.copy())
    tables = []
    for adata in (tumour, other):
        scellm.tl.screen(adata, model, groupby="clone", donor_key="patient", min_cells=20, n_boot=0)
        tables.append(adata.uns["celllm"]["screen"].set_index(["group", "donor", "drug"])["relative"].sort_index())
    pd.testing.assert_series_equal(*tables, atol=1e-4)


@pytest.mark.filterwarnings("ignore:Only 400 genes:UserWarning")  # made-up profiles are small
@pytest.mark.parametrize(
    "groups",
    [
        lambda a: a.obs["clone"].cat.add_categories("never"),
        lambda a: a.obs["clone"].cat.codes.astype(int),
        lambda a: a.obs["clone"].cat.codes.astype(float),
    ],
    ids=["unused category", "whole numbers", "floats"],
)
def test_groups_of_any_kind(model, groups):
    tumour = make_tumour(model.adata)
    tumour.obs["group"] = groups(tumour)
    scellm.tl.screen(tumour, model, groupby="group", min_cells=20, n_boot=0)
    found = tumour.uns["celllm"]["screen"]
    assert found["group"].nunique() == 3
    assert found["relative"].notna().all()
    assert len(found) == 3 * len(SMILES)
