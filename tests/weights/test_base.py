import json

import numpy as np
import pytest
import torch

import scellm
from scellm.model._annotator import Annotator
from scellm.weights import _base, _registry, load_weights, without_base
from tests.conftest import make_adata


@pytest.fixture
def small(folder, monkeypatch):
    """The weights of `folder`, known by the name "small"."""
    entries = {"small": {"url": "", "sha256": "", "size": 1, "licence": "", "description": ""}}
    find = _registry.find_weights
    for room in (_base, _registry):
        monkeypatch.setattr(room, "registry", lambda: entries)
    monkeypatch.setattr(
        _base, "find_weights", lambda name, known=None: folder if name == "small" else find(name, known)
    )
    return folder


@pytest.fixture
def annotator(small, tmp_path):
    """A model with a head on the small weights, and the folder that holds the head alone."""
    adata = make_adata(n_obs=60, seed=5)
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM.from_pretrained(small, adata)
    model.train()
    model.save_pretrained(tmp_path / "head", head=True, base="small", licence="CC0")
    return model, tmp_path / "head"


def test_a_head_alone_is_small_and_answers_as_the_whole(annotator, small, tmp_path):
    model, folder = annotator
    model.save_pretrained(tmp_path / "whole", head=True)
    size = lambda path: (path / "weights.safetensors").stat().st_size
    assert size(folder) < size(tmp_path / "whole") / 10
    query = make_adata(20, 2200, seed=8)
    expected = model.predict(query, soft=True)
    for path in (folder, tmp_path / "whole"):
        again = scellm.CellLM.from_pretrained(path)
        np.testing.assert_allclose(again.predict(query, soft=True), expected, atol=1e-6)
        assert list(again.predict(query, soft=True).columns) == ["type 0", "type 1", "type 2"]
        np.testing.assert_array_equal(again.get_latent_representation(query), model.get_latent_representation(query))
    assert scellm.CellLM.card(folder)["base"]["name"] == "small"
    state, card = load_weights(folder)
    assert card["licence"] == "CC0"
    assert {k.split(".")[0] for k in state} >= {"annotation_head", "cell_encoder"}


def test_the_file_takes_its_head_along_when_saved(annotator, tmp_path):
    _, folder = annotator
    model = scellm.CellLM.from_pretrained(folder)
    model.save(tmp_path / "model")
    again = scellm.CellLM.load(tmp_path / "model")
    query = make_adata(20, seed=8)
    np.testing.assert_array_equal(again.predict(query), model.predict(query))
    assert "knows 3 cell types from its weights" in again._model_summary_string
    again.save_pretrained(tmp_path / "more", head=True)
    np.testing.assert_array_equal(scellm.CellLM.from_pretrained(tmp_path / "more").predict(query), model.predict(query))


def test_training_replaces_the_types(annotator):
    _, folder = annotator
    adata = make_adata(n_obs=60, seed=6, n_types=2)
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM.from_pretrained(folder, adata)
    assert set(model.predict()) <= {"type 0", "type 1", "type 2"}
    assert list(model.cell_types["name"]) == ["type 0", "type 1", "type 2"]
    model.train()
    assert list(model.cell_types["coarse"]) == ["type 0", "type 1"]
    assert list(model.predict(soft=True).columns) == ["type 0", "type 1"]
    assert "knows" not in model._model_summary_string


def test_pretraining_forgets_the_types(annotator):
    _, folder = annotator
    model = scellm.CellLM.from_pretrained(folder, make_adata())
    model.pretrain(max_steps=1, batch_size=20, accelerator="cpu", enable_progress_bar=False)
    with pytest.raises(RuntimeError, match=r"CellLM.available\(\)"):
        model.predict()


def test_coarse_types_and_minimum_survive(annotator, tmp_path):
    model, _ = annotator
    table = Annotator.of_names(["type 0", "type 1", "type 2"]).types.assign(coarse=["a", "a", "type 2"], id="CL:1")
    model._annotator = Annotator(table.assign(min_confidence=0.3), 0.6)
    model.save_pretrained(tmp_path / "two", head=True)
    query = make_adata(20, seed=8)
    scellm.tl.annotate(query, tmp_path / "two")
    assert list(scellm.CellLM.from_pretrained(tmp_path / "two").cell_types["coarse"]) == ["a", "a", "type 2"]
    assert set(query.obs["celllm_type"].cat.categories) == {"type 0", "type 1", "type 2", "a", "unknown"}
    assert set(query.obs["celllm_type_coarse"]) <= {"a", "type 2", "unknown"}
    assert "celllm_type_id" in query.obs
    assert query.uns["celllm"]["slots"]["celllm_type_id"]["min_confidence"] == "0.3 (type), 0.6 (coarse type)"


def test_what_cannot_be_saved(annotator, folder, tmp_path, prepared):
    model, _ = annotator
    with pytest.raises(ValueError, match="there is none to store"):
        model.save_pretrained(tmp_path / "x", base="small")
    with pytest.raises(ValueError, match="is not known; expected one of"):
        model.save_pretrained(tmp_path / "x", head=True, base="large")
    with pytest.raises(RuntimeError, match="not trained on cell types"):
        scellm.CellLM.from_pretrained(folder).save_pretrained(tmp_path / "x", head=True)
    with torch.no_grad():
        model.module.cell_encoder.encoder.embedding.bin.weight += 1
    with pytest.raises(ValueError, match=r"differs from base='small' in .*bin.weight"):
        model.save_pretrained(tmp_path / "x", head=True, base="small")
    scellm.CellLM.setup_anndata(prepared, labels_key="cell_type")
    paper = scellm.CellLM.from_pretrained(folder, prepared)
    paper.train(head="mlp", max_epochs=1, accelerator="cpu", enable_progress_bar=False)
    with pytest.raises(ValueError, match="needs a linear head"):
        paper.save_pretrained(tmp_path / "x", head=True)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("change", ["fingerprint", "name", "binning"])
def test_other_weights_than_those_it_was_made_for(annotator, change):
    from scellm._tensors import read_tensors, write_tensors

    _, folder = annotator
    path = folder / "weights.safetensors"
    state, card = read_tensors(path)
    card = json.loads(json.dumps(card))
    if change == "binning":
        card["binning"]["target_sum"] = 1.0
    else:
        card["base"][change] = "other"
    write_tensors(path, state, card)
    with pytest.raises(ValueError, match=r"is a head on (other )?weights"):
        scellm.CellLM.from_pretrained(folder)


def test_a_head_that_does_not_fit_its_card(annotator, tmp_path):
    from scellm._tensors import read_tensors, write_tensors

    _, folder = annotator
    path = folder / "weights.safetensors"
    state, card = read_tensors(path)
    write_tensors(path, state, {**card, "types": card["types"][:2]})
    with pytest.raises(ValueError, match="its head of cell types does not fit its card"):
        scellm.CellLM.from_pretrained(folder)
    write_tensors(path, state, {k: v for k, v in card.items() if k != "types"})
    with pytest.raises(ValueError, match="its head of cell types does not fit its card"):
        scellm.CellLM.from_pretrained(folder)


def test_the_head_is_taken_off(annotator):
    model, _ = annotator
    state = dict(model.module.state_dict())
    head, base = without_base(state, "small")
    assert set(head) == {"annotation_head.weight", "annotation_head.bias"}
    assert base["name"] == "small"
