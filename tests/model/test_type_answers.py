import numpy as np
import pytest

import scellm
from tests.conftest import QUIET, SMALL, make_adata


@pytest.fixture(scope="module")
def learned():
    """A model that learned half of its cells, and their types."""
    adata = make_adata(160)
    truth = adata.obs["cell_type"].astype(str).to_numpy()
    adata.obs["known"] = np.where(np.arange(160) < 80, truth, "Unknown")
    scellm.CellLM.setup_anndata(adata, labels_key="known")
    model = scellm.CellLM(adata, **SMALL)
    model.train()
    return model, truth


def test_p_values_hold_the_type_of_cells_that_were_not_learned(learned):
    model, truth = learned
    p = model.predict_p_values(coverage=0.9)
    assert p.shape == (160, 3)
    assert list(p.columns) == list(model.predict(soft=True).columns)
    assert p.index.equals(model.adata.obs_names)
    own = p.to_numpy()[np.arange(160), p.columns.get_indexer(truth)]
    assert (own[80:] > 0.1).mean() > 0.8
    assert ((p > 0) & (p <= 1)).all(axis=None)


def test_p_values_depend_on_the_cell_alone(learned):
    model, _ = learned
    every = model.predict_p_values()
    rows = np.array([150, 3, 90])
    some = model.predict_p_values(indices=rows, batch_size=1)
    np.testing.assert_allclose(some, every.iloc[rows], atol=1e-9)
    other = make_adata(30, seed=5)
    alone = model.predict_p_values(other[[7]].copy())
    np.testing.assert_allclose(alone, model.predict_p_values(other).iloc[[7]], atol=1e-9)


def test_a_saved_model_gives_the_same_p_values(learned, tmp_path):
    model, _ = learned
    model.save(tmp_path / "m")
    back = scellm.CellLM.load(tmp_path / "m", adata=model.adata)
    np.testing.assert_array_equal(back.predict_p_values(), model.predict_p_values())


def test_training_by_steps_calibrates_on_its_validation_cells(learned):
    adata = make_adata(120)
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    model = scellm.CellLM(adata, **SMALL)
    model.train(head="mlp", max_epochs=1, validation_size=0.3, **QUIET)
    assert model.predict_p_values(coverage=0.9).shape == (120, 3)
    assert len(model._conformal.others.codes) == len(model.validation_indices)
    model.train(head="mlp", max_epochs=1, validation_size=0.0, **QUIET)
    with pytest.raises(RuntimeError, match=r"no calibration cells.*Run model.train\(\)"):
        model.predict_p_values()


@pytest.mark.parametrize("coverage", [0, 1, 1.5, -0.1, "high", True, float("nan")])
def test_coverage_is_checked(learned, coverage):
    with pytest.raises(ValueError, match=r"coverage=.*expected a number between 0 and 1"):
        learned[0].predict_p_values(coverage=coverage)


@pytest.mark.parametrize("each", [1, 2, 3])
def test_a_few_labels_train_and_are_too_few_for_p_values(each):
    adata = make_adata(60)
    labels = adata.obs["cell_type"].astype(str)
    rank = labels.groupby(labels).cumcount()
    adata.obs["known"] = labels.where((rank < each) & (labels != "type 2"), "Unknown")
    scellm.CellLM.setup_anndata(adata, labels_key="known")
    model = scellm.CellLM(adata, **SMALL)
    model.train()
    with pytest.raises(ValueError, match=r"coverage=0.95 needs at least 19 labelled cells"):
        model.predict_p_values()


def test_a_head_of_weights_has_no_calibration():
    model = scellm.CellLM.from_pretrained("celllm-immune")
    with pytest.raises(RuntimeError, match=r"its head came with weights"):
        model.predict_p_values(make_adata(5))
