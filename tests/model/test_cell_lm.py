import numpy as np
import pandas as pd
import pytest
import torch

import scellm
from scellm.train import class_weights
from tests.conftest import QUIET, SMALL, make_adata


def test_learns_types_and_predicts_them_on_new_cells(model):
    train = np.arange(0, 45)
    model.train(indices=train, max_epochs=30, lr=3e-3, tune="full", **QUIET)
    told = model.predict(indices=np.arange(45, 60))
    assert (told == model.adata.obs["cell_type"].to_numpy()[45:]).mean() > 0.8
    query = make_adata(30, seed=0)
    query.obs = query.obs.drop(columns="cell_type")
    assert (model.predict(query) == make_adata(30, seed=0).obs["cell_type"].to_numpy()).mean() > 0.7


def test_predict_soft(model):
    model.train(max_epochs=1, **QUIET)
    p = model.predict(soft=True, indices=[4, 2])
    assert isinstance(p, pd.DataFrame)
    assert list(p.index) == ["cell4", "cell2"]
    assert list(p.columns) == ["type 0", "type 1", "type 2"]
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert p.columns[p.to_numpy().argmax(1)].tolist() == model.predict(indices=[4, 2]).tolist()


def test_predict_before_training_names_the_call(model):
    with pytest.raises(RuntimeError, match=r"model.train\(\)"):
        model.predict()


def test_random_weights_give_a_warning(model):
    with pytest.warns(UserWarning, match="random weights"):
        model.get_latent_representation()


@pytest.mark.parametrize(
    ("tune", "moves"),
    [
        ("head", "cell_encoder.pooling"),
        ("last", "cell_encoder.encoder.blocks.1"),
        ("full", "cell_encoder.encoder.embedding"),
    ],
)
def test_what_is_tuned(model, tune, moves):
    before = {k: v.clone() for k, v in model.module.named_parameters() if not k.startswith("annotation_head")}
    model.train(max_epochs=1, tune=tune, head="mlp", validation_size=0, **QUIET)
    after = dict(model.module.named_parameters())
    moved = {k for k, v in before.items() if not torch.equal(v, after[k])}
    assert any(k.startswith(moves) for k in moved)
    assert any(k.startswith("cell_encoder.encoder") for k in moved) == (tune != "head")
    assert any(k.startswith("cell_encoder.encoder.embedding") for k in moved) == (tune == "full")
    assert all(p.requires_grad for p in model.module.parameters())


@pytest.mark.parametrize(
    ("labels", "message"),
    [([np.nan] * 60, "holds no labelled cell"), (["a"] * 60, "only 'a'"), (["Unknown"] * 60, "no labelled cell")],
)
def test_too_few_types(adata, labels, message):
    adata.obs["cell_type"] = labels
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    with pytest.raises(ValueError, match=message):
        model.train(max_epochs=1, **QUIET)


def test_a_type_with_one_cell_is_trained_on(adata):
    adata.obs["cell_type"] = ["rare", *(["a", "b"] * 30)[:59]]
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    model.train(max_epochs=1, head="mlp", validation_size=0.2, **QUIET)
    assert 0 in model.train_indices
    assert len(model.validation_indices) == 12
    assert not set(model.train_indices) & set(model.validation_indices)


def test_no_labels_at_all(adata):
    scellm.CellLM.setup_anndata(adata)
    with pytest.raises(ValueError, match="set up without cell types"):
        scellm.CellLM(adata, **SMALL).train(**QUIET)


def test_cells_outside_indices_are_never_used(model):
    allowed = np.arange(30)
    model.train(indices=allowed, max_epochs=1, **QUIET)
    assert set(model.train_indices) | set(model.validation_indices) == set(allowed)


def test_early_stopping_restores_the_best_weights(model):
    model.train(max_epochs=40, lr=0.05, tune="full", validation_size=0.3, patience=3, **QUIET)
    losses = model.history["validation_loss"]["validation_loss"].astype(float)
    validation = np.sort(model.validation_indices)
    p = model.predict(indices=validation, soft=True)
    known = model.adata.obs["cell_type"].to_numpy()[validation]
    loss = -np.log([p.loc[model.adata.obs_names[i], t] for i, t in zip(validation, known, strict=True)]).mean()
    assert loss == pytest.approx(losses.min(), rel=1e-3)


def test_class_weights():
    codes, types = np.array([0, 0, 0, 1]), ["a", "b"]
    assert class_weights(None, codes, types) is None
    np.testing.assert_allclose(class_weights("balanced", codes, types), [0.5, 1.5])
    np.testing.assert_allclose(class_weights("paper-code", codes, types), np.array([1 / 16, 9 / 16]) / (10 / 32))
    np.testing.assert_allclose(class_weights({"a": 1, "b": 3}, codes, types), [0.5, 1.5])
    with pytest.raises(ValueError, match="no weight for \\['b'\\]"):
        class_weights({"a": 1}, codes, types)
    with pytest.raises(ValueError, match="class_weights='x'"):
        class_weights("x", codes, types)


def test_save_and_load(model, tmp_path, recwarn):
    model.pretrain(max_steps=2, batch_size=8, **QUIET)
    model.train(max_epochs=1, **QUIET)
    z, types = model.get_latent_representation(), model.predict()
    model.save(str(tmp_path / "m"))
    recwarn.clear()
    again = scellm.CellLM.load(str(tmp_path / "m"), make_adata(), accelerator="cpu")
    np.testing.assert_array_equal(again.get_latent_representation(), z)
    assert again.predict().tolist() == types.tolist()
    assert set(again.history) == set(model.history)
    bare = scellm.CellLM.load(str(tmp_path / "m"), False, accelerator="cpu")
    query = make_adata(20, 2200, seed=5)
    del query.obs["cell_type"], query.obs["origin"]
    assert bare.predict(query).shape == (20,)
    other = scellm.CellLM.load(str(tmp_path / "m"), make_adata(20, 2200, seed=5), accelerator="cpu")
    assert other.predict().shape == (20,)
    assert not [w for w in recwarn if "var_names" in str(w.message)]


def test_shows_itself(model, capsys):
    repr(model)
    out = capsys.readouterr().out
    assert "blocks of width 16" in out
    model.view_anndata_setup()
    assert "taken for" in capsys.readouterr().out


def test_needs_data(adata):
    with pytest.raises(ValueError, match="setup_anndata"):
        scellm.CellLM()
    with pytest.raises(ValueError, match="set up"):
        scellm.CellLM(adata)


def test_attention_shares_parameters(prepared):
    favor, softmax = scellm.CellLM(prepared, **SMALL), scellm.CellLM(prepared, attention="softmax", **SMALL)
    softmax.module.load_state_dict(favor.module.state_dict())


@pytest.mark.parametrize("key", ["labels_key", "malignancy_key"])
def test_missing_column_changes_nothing(adata, key):
    with pytest.raises(KeyError, match=f"{key}='nope' is not in adata.obs, which holds"):
        scellm.CellLM.setup_anndata(adata, **{key: "nope"})
    assert not adata.layers
    assert not adata.uns
