import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scellm
from tests.responses import SMILES, make_lines, make_pairs, make_response, make_table, make_tumour

pytestmark = pytest.mark.filterwarnings("ignore:Only 400 genes:UserWarning")  # made-up profiles are small
OPTIONS = {"min_cells": 20, "n_boot": 10}


@pytest.fixture(scope="module")
def model():
    return make_response(drug_encoder="onehot")


@pytest.fixture
def tumour(model):
    return make_tumour(model.adata)


def table(adata, key="screen"):
    return adata.uns["celllm"][key]


def test_clones_get_their_own_drugs(model, tumour):
    scellm.tl.screen(tumour, model, groupby="clone", **OPTIONS)
    found = table(tumour)
    assert len(found) == 3 * 10
    wide = found.pivot(index="group", columns="drug", values="relative")
    truth = make_table(make_lines(), unknown=0).iloc[:3]
    truth = truth - model.responses_.table.mean()
    for line in wide.index:
        assert np.corrcoef(wide.loc[line], truth.loc[line, wide.columns])[0, 1] > 0.8
    bulk = model.predict(relative=True).loc[wide.index, wide.columns]
    assert np.corrcoef(wide.to_numpy().ravel(), bulk.to_numpy().ravel())[0, 1] > 0.95
    first = found[found["group"] == "L0"]
    assert first["rank"].tolist() == sorted(first["rank"])
    assert first["relative"].is_monotonic_increasing  # most sensitive first
    np.testing.assert_allclose(found["value"] - found["relative"], model.responses_.table.mean()[found["drug"]])
    assert ((found["low"] < found["relative"]) & (found["relative"] < found["high"])).all()
    assert (found["n_cells"] == 60).all()
    assert found["in_domain"].all()
    assert "not for clinical use" in tumour.uns["celllm"]["slots"]["screen"]["disclaimer"]


def test_donors_are_summed_apart_and_summarised(model, tumour):
    scellm.tl.screen(tumour, model, groupby="clone", donor_key="patient", **OPTIONS)
    found = table(tumour)
    assert set(zip(found["group"], found["donor"], strict=True)) == {
        (f"L{i}", p) for i in range(3) for p in ("p1", "p2")
    }
    summary = table(tumour, "screen_summary").set_index(["donor", "drug"])
    own = found[(found["donor"] == "p1") & (found["drug"] == "imatinib")]
    row = summary.loc[("p1", "imatinib")]
    assert row["worst"] == own["relative"].max()
    assert row["worst_group"] == own.loc[own["relative"].idxmax(), "group"]
    assert row["mean"] == pytest.approx(np.average(own["relative"], weights=own["n_cells"]))


def test_selectivity_is_against_normal_cells(model, tumour):
    scellm.tl.screen(tumour, model, groupby="clone", donor_key="patient", reference="L2", **OPTIONS)
    found = table(tumour).set_index(["group", "donor", "drug"])
    for donor in ("p1", "p2"):
        want = found.loc[("L0", donor, "aspirin"), "relative"] - found.loc[("L2", donor, "aspirin"), "relative"]
        assert found.loc[("L0", donor, "aspirin"), "selectivity"] == pytest.approx(want)
    assert "L2" not in set(table(tumour, "screen_summary")["worst_group"])


def test_small_and_foreign_groups_get_no_number(model, tumour):
    rng = np.random.default_rng(0)
    noise = ad.AnnData(rng.poisson(rng.gamma(1, 5, (30, tumour.n_vars))).astype(np.float32), var=tumour.var)
    noise.obs["clone"], noise.obs["patient"] = "noise", "p1"
    both = ad.concat([tumour[np.r_[:60, 60:63, 120:180]], noise])
    both.obs_names_make_unique()
    with pytest.warns(UserWarning, match=r"\['noise'\], resemble no cell line.*\['L1'\], have fewer than 20"):
        scellm.tl.screen(both, model, groupby="clone", **OPTIONS)
    found = table(both).set_index("group")
    for name in ("noise", "L1"):
        assert found.loc[name, ["value", "relative", "rank", "low", "high"]].isna().all(axis=None)
    assert found.loc["L0", "relative"].notna().all()
    assert not found.loc["noise", "in_domain"].any()
    assert (found.loc["L1", "n_cells"] == 3).all()


def test_more_cells_make_no_other_prediction_and_fewer_a_wider_interval(model, tumour):
    options = {"groupby": "clone", "min_cells": 5, "n_boot": 40}
    scellm.tl.screen(tumour, model, **options)
    few = tumour[np.r_[:8, 60:68, 120:128]].copy()
    scellm.tl.screen(few, model, **options)
    width = lambda a: (table(a)["high"] - table(a)["low"]).mean()
    assert width(few) > width(tumour)


def test_a_screen_that_comes_out_constant_raises(tumour):
    model = make_response(drug_encoder="onehot")
    model.module.networks[0].head.weight.zero_()
    with pytest.raises(ValueError, match="The predictions are the drugs' means"):
        scellm.tl.screen(tumour, model, groupby="clone", **OPTIONS)
    assert "screen" not in tumour.uns.get("celllm", {})


def test_two_halves_of_a_clone_are_alike_and_no_error(model, tumour):
    same = tumour[tumour.obs["clone"] == "L0"].copy()
    same.obs["clone"] = np.array(["a", "b"])[np.arange(60) % 2]
    scellm.tl.screen(same, model, groupby="clone", **OPTIONS)
    assert table(same)["relative"].notna().all()


def test_a_donor_with_few_normal_cells_is_compared_with_those_of_others(model, tumour):
    few = tumour[~((tumour.obs["clone"] == "L2") & (tumour.obs["patient"] == "p1"))].copy()
    few = ad.concat([few, tumour[(tumour.obs["clone"] == "L2") & (tumour.obs["patient"] == "p1")][:5]])
    with pytest.warns(UserWarning, match="fewer than 20"):
        scellm.tl.screen(few, model, groupby="clone", donor_key="patient", reference="L2", **OPTIONS)
    found = table(few).query("group == 'L0' and donor == 'p1'")
    assert found["selectivity"].notna().all()


def test_drugs_named_in_many_ways_and_a_drug_with_a_slash(tumour, tmp_path):
    lines = make_lines()
    responses = make_table(lines).rename(columns={"aspirin": "VNLG/124"})
    scellm.DrugResponse.setup_anndata(lines)
    model = scellm.DrugResponse(lines, responses=make_pairs(responses), drug_encoder="onehot")
    model.train()
    with pytest.warns(UserWarning, match="single cells follow"):
        scellm.tl.screen(tumour, model, groupby=None, drugs=(d for d in ["VNLG/124", "imatinib"]))
    assert tumour.obsm["screen"].columns.tolist() == ["VNLG|124", "imatinib"]
    scellm.tl.screen(tumour, model, groupby="clone", drugs="imatinib", key_added="one", **OPTIONS)
    assert set(table(tumour, "one")["drug"]) == {"imatinib"}
    tumour.write_h5ad(tmp_path / "a.h5ad")


def test_single_cells_carry_their_sentence(model, tumour):
    with pytest.warns(UserWarning, match="single cells follow their depth"):
        scellm.tl.screen(tumour, model, groupby=None, drugs=["aspirin", "imatinib"])
    assert tumour.obsm["screen"].shape == (180, 2)
    assert tumour.obsm["screen"].dtypes.eq(np.float32).all()
    assert "single cells follow their depth" in tumour.uns["celllm"]["slots"]["screen"]["sentence"]


def test_it_can_be_written_and_read(model, tumour, tmp_path):
    found = scellm.tl.screen(tumour, model, groupby="clone", donor_key="patient", copy=True, **OPTIONS)
    assert "screen" not in tumour.uns.get("celllm", {})
    found.write_h5ad(tmp_path / "a.h5ad")
    again = ad.read_h5ad(tmp_path / "a.h5ad")
    pd.testing.assert_frame_equal(table(again), table(found), check_index_type=False, check_column_type=False)


def test_the_seed_decides_and_a_folder_is_a_model(model, tumour, tmp_path):
    model.save(tmp_path / "m")
    one = scellm.tl.screen(tumour, model, groupby="clone", copy=True, **OPTIONS)
    two = scellm.tl.screen(tumour, tmp_path / "m", groupby="clone", copy=True, **OPTIONS)
    pd.testing.assert_frame_equal(table(one), table(two))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"groupby": "x"}, KeyError, "'x' is not in obs"),
        ({"groupby": "clone", "donor_key": "x"}, KeyError, "'x' is not in obs"),
        ({"groupby": "clone", "reference": "normal"}, KeyError, r"reference=\['normal'\] are no groups"),
        ({"groupby": "clone", "drugs": ["aspirin", "aspirin"]}, ValueError, "several times"),
        ({"groupby": "clone", "drugs": []}, ValueError, "names no drug"),
        ({"groupby": "clone", "seed": -1}, ValueError, "seed must be"),
        ({"groupby": ["clone"]}, TypeError, "the name of one column"),
        ({"groupby": "clone", "reference": 0}, KeyError, r"reference=\['0'\] are no groups"),
        ({"groupby": None, "reference": "L2"}, ValueError, "without donor_key or reference"),
        ({"groupby": "clone", "key_added": "x_summary"}, ValueError, "keeps other facts"),
        ({"groupby": "clone", "drugs": ["new"]}, KeyError, "were not learned"),
        ({"groupby": "clone", "min_cells": 1000}, ValueError, "No group has 1000 cells: the largest has 60"),
        ({"groupby": "clone", "level": 1.5}, ValueError, "level must be"),
        ({"groupby": "clone", "key_added": "prepare"}, ValueError, "keeps other facts"),
        ({"groupby": "clone", "key_added": "a/b"}, ValueError, "cannot be written to disk"),
    ],
)
def test_bad_calls(model, tumour, options, error, message):
    with pytest.raises(error, match=message):
        scellm.tl.screen(tumour, model, **options)
    assert "celllm" not in tumour.uns or "screen" not in tumour.uns["celllm"]


def test_models_that_are_not_it(model, tumour, trained):
    with pytest.raises(TypeError, match=r"takes a DrugResponse.*found CellLM"):
        scellm.tl.screen(tumour, trained, groupby="clone")
    with pytest.raises(TypeError, match="takes an AnnData"):
        scellm.tl.screen(model, tumour, groupby="clone")
    lines = make_lines()
    scellm.DrugResponse.setup_anndata(lines)
    with pytest.raises(RuntimeError, match="was not trained"):
        scellm.tl.screen(tumour, scellm.DrugResponse(lines), groupby="clone")
    assert len(SMILES) == 10
