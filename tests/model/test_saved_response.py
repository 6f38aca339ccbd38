import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scellm
from scellm._tensors import read_tensors, write_tensors
from tests.conftest import SMALL
from tests.responses import make_lines, make_pairs, make_response, make_table

QUICK = {"max_epochs": 2, "n_heads": 2}


@pytest.mark.parametrize(
    ("options", "train"),
    [
        ({"drug_encoder": "onehot"}, {}),
        ({"drug_encoder": "onehot", "encoder": "random", **SMALL}, {}),
        ({"drug_encoder": "morgan"}, {"head": "additive", **QUICK}),
        ({"drug_encoder": "graph"}, QUICK),
        ({"drug_encoder": "onehot"}, {"head": "paper", **QUICK}),
    ],
)
def test_a_loaded_model_predicts_the_same(tmp_path, options, train):
    if options["drug_encoder"] != "onehot":
        pytest.importorskip("rdkit", reason="reads molecules with RDKit")
    encoder = options.pop("encoder", "expression")
    if encoder == "random":
        options = {"drug_encoder": "onehot", "encoder": scellm.CellLM.without_data(**SMALL)}
    model = make_response(train, **options)
    want = model.predict(interval=0.8)
    model.save(tmp_path / "saved")
    again = scellm.DrugResponse.load(tmp_path / "saved")
    lines = make_lines()
    pd.testing.assert_frame_equal(again.predict(lines, interval=0.8), want)
    assert again._model_summary_string == model._model_summary_string
    rmse = [m.history["validation_rmse"] for m in (again, model)]
    pd.testing.assert_frame_equal(*rmse, check_names=False)
    model.save_pretrained(tmp_path / "shared", licence="CC0")
    pd.testing.assert_frame_equal(
        scellm.DrugResponse.from_pretrained(tmp_path / "shared", lines).predict(interval=0.8), want
    )


@pytest.fixture
def saved(tmp_path):
    make_response(drug_encoder="onehot").save(tmp_path / "m", save_anndata=True)
    return tmp_path / "m"


def test_profiles_come_with_it_and_training_needs_responses(saved):
    model = scellm.DrugResponse.load(saved)
    assert len(model.predict()) == 60
    with pytest.raises(RuntimeError, match="no responses to learn from"):
        model.train()
    with pytest.raises(ValueError, match="no profiles of its own"):
        scellm.DrugResponse.load(saved, adata=False).predict()


def test_units_and_names_come_along(tmp_path):
    lines = make_lines()
    lines.X -= 8
    lines.obs["line"] = lines.obs_names
    scellm.DrugResponse.setup_anndata(lines, units="standardized", line_key="line")
    model = scellm.DrugResponse(lines, responses=make_pairs(make_table(lines)), drug_encoder="onehot")
    model.train()
    model.save_pretrained(tmp_path / "shared")
    model.save(tmp_path / "saved")
    fresh = lambda: ad.AnnData(lines.X.copy(), obs=pd.DataFrame(index=lines.obs_names), var=lines.var)
    for loaded in (
        scellm.DrugResponse.from_pretrained(tmp_path / "shared", fresh()),
        scellm.DrugResponse.load(tmp_path / "saved", fresh()),
    ):
        pd.testing.assert_frame_equal(loaded.predict(), model.predict())
    with pytest.raises(ValueError, match="expected a file of save_pretrained"):
        scellm.DrugResponse.from_pretrained(tmp_path / "saved")
    with pytest.raises(ValueError, match="holds a CellLM, not a DrugResponse"):
        scellm.DrugResponse.from_pretrained("celllm-mini")


def test_nothing_is_replaced_unless_it_is_said(saved):
    model = scellm.DrugResponse.load(saved)
    with pytest.raises(FileExistsError, match="already exists"):
        model.save(saved)
    model.save(saved, overwrite=True)


def test_files_that_are_not_it(saved, trained, tmp_path):
    trained.save(tmp_path / "cells")
    with pytest.raises(ValueError, match="holds a CellLM, not a DrugResponse"):
        scellm.DrugResponse.load(tmp_path / "cells")
    with pytest.raises(ValueError, match="holds a DrugResponse, not a CellLM"):
        scellm.CellLM.load(saved)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        scellm.DrugResponse.load(tmp_path / "nothing")


@pytest.mark.parametrize("damage", ["lines", "drug", "tensor", "nan"])
def test_damaged_files(saved, damage):
    path = saved / "model.safetensors"
    state, header = read_tensors(path)
    if damage == "lines":
        header["response"]["lines"] = header["response"]["lines"][1:]
    elif damage == "drug":
        del header["response"]["drugs"]
    elif damage == "tensor":
        del state["response.center"]
    else:
        state["response.center"] = state["response.center"] * np.nan
    header.pop("fingerprint", None)
    write_tensors(path, state, json.loads(json.dumps(header)))
    with pytest.raises(ValueError, match=r"damaged|not finite|not usable"):
        scellm.DrugResponse.load(saved)


def test_an_untrained_model_cannot_be_saved(tmp_path):
    lines = make_lines()
    scellm.DrugResponse.setup_anndata(lines)
    with pytest.raises(RuntimeError, match="was not trained"):
        scellm.DrugResponse(lines).save(tmp_path / "x")
