import numpy as np
import pytest

import scellm
from tests.conftest import QUIET, SMALL, make_adata


def trained(n=90, **options):
    adata = make_adata(n)
    labels = adata.obs["cell_type"].astype(str)
    adata.obs["known"] = np.where(np.arange(n) < n // 2, labels, "Unknown")
    scellm.CellLM.setup_anndata(adata, labels_key="known")
    model = scellm.CellLM(adata, **SMALL)
    model.train(**options)
    return model, labels.to_numpy()


def test_the_solved_head_predicts_cells_that_were_left_out():
    model, truth = trained()
    assert (model.predict(indices=np.arange(45, 90)) == truth[45:]).mean() > 0.9
    assert {"validation_accuracy", "validation_macro_f1", "validation_loss"} <= set(model.history)
    assert model.configs_["train"]["tune"] == "head"


def test_it_is_the_same_on_every_run_and_moves_no_random_stream():
    import torch

    scellm.settings.seed = 0
    first, _ = trained()
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first.get_latent_representation()
    first.predict()
    assert torch.equal(torch.get_rng_state(), before)
    scellm.settings.seed = 0
    second, _ = trained()
    np.testing.assert_array_equal(first.predict(soft=True), second.predict(soft=True))


def test_given_validation_cells_are_not_learned_from():
    adata = make_adata(60)
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    parts = [np.arange(40), np.arange(40, 60), np.zeros(0, int)]
    model.train(datasplitter_kwargs={"external_indexing": parts})
    assert model.validation_indices.tolist() == list(range(40, 60))
    assert model.train_indices.tolist() == list(range(40))


def test_counts_that_are_gone_leave_the_embedding(caplog):
    adata = make_adata(60)
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    adata.X = adata.X.toarray() - 0.5
    model.train()
    assert model.features_of() == "embedding"
    assert model.predict().shape == (60,)


def test_tuned_weights_are_kept_only_if_they_validate_better():
    model, _ = trained(tune="last", max_epochs=1, lr=1e-12, validation_size=0.3, **QUIET)
    kept = model.module.state_dict()
    assert model.configs_["train"]["tune"] == "last"
    assert all(bool(v.isfinite().all()) for v in kept.values() if v.is_floating_point())
    assert model.predict().shape == (90,)


def test_a_head_that_is_not_finite_is_an_error():
    with pytest.raises(FloatingPointError, match="loss is not finite"):
        trained(head="mlp", lr=1e30, max_epochs=3, **QUIET)
    with pytest.raises(ValueError, match="class_weights must be finite"):
        trained(class_weights={"type 0": float("nan"), "type 1": 1.0, "type 2": 1.0})


def test_repr_tells_encoder_and_head_apart(capsys):
    adata = make_adata(60)
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    repr(model)
    assert "not learned yet" in capsys.readouterr().out.replace("\n", " ")
    model.train()
    repr(model)
    assert "3 cell types, learned" in " ".join(capsys.readouterr().out.split())


def test_types_do_not_outlive_the_embeddings_that_they_were_learned_on():
    model, _ = trained()
    model.pretrain(max_steps=1, batch_size=8, **QUIET)
    with pytest.raises(RuntimeError, match=r"run model\.train"):
        model.predict()
    model.train()
    assert model.predict().shape == (90,)


def test_a_saved_model_gives_the_same_answers(tmp_path):
    model, _ = trained()
    p = model.predict(soft=True)
    model.save(tmp_path / "m", save_anndata=True)
    again = scellm.CellLM.load(tmp_path / "m")
    np.testing.assert_allclose(again.predict(soft=True), p, atol=1e-5)
    assert again.features_of() == "embedding and components"
    assert again.labels_key == "known"
