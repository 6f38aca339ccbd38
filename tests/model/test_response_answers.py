import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scellm
from tests.responses import SMILES, make_lines, make_pairs, make_response, make_table


@pytest.fixture(scope="module")
def model():
    pytest.importorskip("rdkit", reason="reads molecules with RDKit")
    return make_response()


def test_lines_by_drugs(model):
    found = model.predict()
    assert found.index.tolist() == [f"L{i}" for i in range(60)]
    assert found.columns.tolist() == sorted(SMILES.index)
    relative = model.predict(relative=True)
    np.testing.assert_allclose(found - relative, np.tile(model.responses_.table.mean(), (60, 1)))
    some = model.predict(drugs=["imatinib", "aspirin"])
    pd.testing.assert_frame_equal(some, found[["imatinib", "aspirin"]])


def test_the_parts_add_up(model):
    found = model.predict(components=True)
    np.testing.assert_allclose(found["drug"] + found["line"] + found["interaction"], found["value"])
    assert found["line"].nunique(axis=1).eq(1).all()
    assert found["drug"].nunique().eq(1).all()
    np.testing.assert_allclose(found["interaction"].mean(axis=1), 0, atol=1e-9)


def test_intervals_cover_new_lines():
    covered = []
    for seed in range(3):
        lines = make_lines(n_lines=200, seed=seed)
        table = make_table(lines)
        scellm.DrugResponse.setup_anndata(lines)
        model = scellm.DrugResponse(lines, responses=make_pairs(table.iloc[:120]), drug_encoder="onehot")
        model.train()
        found = model.predict(lines[120:].copy(), interval=0.8)
        y = table.iloc[120:][found["low"].columns].to_numpy()
        inside = (y >= found["low"].to_numpy()) & (y <= found["high"].to_numpy())
        covered.append(inside[np.isfinite(y)].mean())
    assert 0.72 < np.mean(covered) < 0.88


def test_profiles_in_another_unit_give_the_same(model):
    other = ad.AnnData(np.expm1(model.adata.X * 1.7) * 100, obs=model.adata.obs[[]], var=model.adata.var)
    pd.testing.assert_frame_equal(model.predict(other), model.predict(), atol=1e-5)
    centred = ad.AnnData(model.adata.X - 5, obs=model.adata.obs[[]], var=model.adata.var)
    with pytest.raises(ValueError, match="units='standardized'"):
        model.predict(centred)
    pd.testing.assert_frame_equal(model.predict(centred, units="standardized"), model.predict(), atol=1e-5)


def test_each_profile_is_predicted_alone_and_in_any_order_of_genes(model):
    some = model.adata[[7, 3], ::-1].copy()
    pd.testing.assert_frame_equal(model.predict(some), model.predict().loc[["L7", "L3"]], atol=1e-4)


def test_unseen_drugs_by_smiles(model):
    caffeine = pd.Series({"caffeine": "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "aspirin": SMILES["aspirin"]})
    found = model.predict(drugs=caffeine, interval=0.8)
    assert np.isfinite(found["value"].to_numpy()).all()
    assert np.isnan(found["low"]["caffeine"]).all()
    assert np.isfinite(found["low"]["aspirin"]).all()
    with pytest.raises(KeyError, match=r"\['caffeine'\] were not learned.*pass SMILES"):
        model.predict(drugs=["caffeine"])
    with pytest.raises(ValueError, match="1 of 1 SMILES cannot be read"):
        model.predict(drugs=pd.Series({"x": "???"}))


def test_a_known_molecule_by_another_name_and_another_molecule_by_a_known_name(model):
    found = model.predict(drugs={"Tarceva": "COCCOc1cc2ncnc(Nc3cccc(C#C)c3)c2cc1OCCOC"}, interval=0.8)
    want = model.predict(drugs="erlotinib", interval=0.8)
    np.testing.assert_allclose(found["value"], want["value"])
    np.testing.assert_allclose(found["low"], want["low"])
    with pytest.raises(ValueError, match="The SMILES of 'erlotinib' is another molecule"):
        model.predict(drugs=pd.Series({"erlotinib": "CCO"}))
    with pytest.raises(ValueError, match="names no drug"):
        model.predict(drugs=[])


def test_noise_is_out_of_domain_and_lines_are_in(model):
    found = model.in_domain()
    assert found["in_domain"].mean() > 0.9
    noise = ad.AnnData(np.random.default_rng(0).random((4, 400)) * 50 + 26, var=model.adata.var)
    assert not model.in_domain(noise)["in_domain"].any()
    few = model.adata[:5, :150].copy()
    assert not model.in_domain(few)["in_domain"].any()  # less than half of the genes


def test_before_training_and_bad_calls(model):
    lines = make_lines()
    scellm.DrugResponse.setup_anndata(lines)
    new = scellm.DrugResponse(lines, responses=make_pairs(make_table(lines)), drug_encoder="onehot")
    with pytest.raises(RuntimeError, match="was not trained"):
        new.predict()
    with pytest.raises(ValueError, match="interval must be a number above 0 and below 1"):
        model.predict(interval=1.0)
    with pytest.raises(TypeError, match="takes an AnnData"):
        model.predict(pd.DataFrame([[1]]))
