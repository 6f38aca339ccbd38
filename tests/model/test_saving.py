import json
import pickle

import numpy as np
import pytest
import torch

import scellm
from tests.conftest import SMALL, make_adata


@pytest.fixture
def saved(trained, tmp_path):
    trained.train()
    trained.save(tmp_path / "m")
    return trained, tmp_path / "m"


def test_no_file_is_a_pickle(saved):
    _, folder = saved
    assert sorted(p.name for p in folder.iterdir()) == ["model.json", "model.safetensors"]
    for path in folder.iterdir():
        with pytest.raises((pickle.UnpicklingError, ValueError, KeyError, EOFError, AttributeError, IndexError)):
            pickle.loads(path.read_bytes())
    assert json.loads((folder / "model.json").read_text())["class"] == "CellLM"


def test_round_trip_of_all(saved):
    model, folder = saved
    again = scellm.CellLM.load(folder, make_adata())
    np.testing.assert_allclose(again.predict(soft=True), model.predict(soft=True), atol=1e-5)
    assert again.configs_ == model.configs_
    assert set(again.history) == set(model.history)
    for name, table in model.history.items():
        np.testing.assert_allclose(again.history[name].to_numpy(float), table.to_numpy(float), rtol=1e-12)
    bare = scellm.CellLM.load(folder, adata=False)
    assert bare.predict(make_adata(7, seed=3)).shape == (7,)


def test_an_existing_folder_is_not_overwritten_unasked(saved, tmp_path):
    model, folder = saved
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(folder)
    (folder / "notes.txt").write_text("mine")
    model.save(folder, overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"


def test_folders_of_other_kinds_name_the_way_out(saved, tmp_path):
    model, folder = saved
    (tmp_path / "old").mkdir()
    torch.save({"x": 1}, tmp_path / "old" / "model.pt")
    with pytest.raises(ValueError, match=r"as a pickle, which can run code.*from_pretrained"):
        scellm.CellLM.load(tmp_path / "old")
    model.save_pretrained(tmp_path / "weights")
    with pytest.raises(ValueError, match=r"holds pretrained weights.*from_pretrained"):
        scellm.CellLM.load(tmp_path / "weights")
    with pytest.raises(FileNotFoundError, match=r"written by model.save.*CellLM.load"):
        scellm.CellLM.from_pretrained(folder)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        scellm.CellLM.load(tmp_path / "nothing")


def test_weights_that_are_not_finite_are_not_saved(saved, tmp_path):
    model, folder = saved
    before = (folder / "model.safetensors").read_bytes()
    with torch.no_grad():
        next(model.module.parameters())[0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        model.save(folder, overwrite=True)
    with pytest.raises(ValueError, match="not finite"):
        model.save_pretrained(tmp_path / "w")
    assert (folder / "model.safetensors").read_bytes() == before


def test_cells_are_saved_only_if_there_are_any(tmp_path):
    bare = scellm.CellLM.without_data(**SMALL)
    with pytest.raises(ValueError, match="no cells of its own"):
        bare.save(tmp_path / "m", save_anndata=True)
