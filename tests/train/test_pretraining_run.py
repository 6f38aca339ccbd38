import numpy as np
import pytest

import scellm
from tests.conftest import QUIET, SMALL
from tests.reference.runs import OPTIONS, new, same, weights


def test_malignancy_is_left_out_without_its_column(adata):
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    model.pretrain(**OPTIONS)
    assert "pretrain_malignancy" not in model.history


def test_malignancy_alone_with_few_labelled_cells(adata):
    adata.obs["origin"] = ["tumor", "normal", *["?"] * (adata.n_obs - 2)]
    scellm.CellLM.setup_anndata(adata, malignancy_key="origin")
    options = {**OPTIONS, "objectives": ["malignancy"], "contrast": None, "batch_size": 8}
    model = scellm.CellLM(adata, **SMALL)
    model.pretrain(**options)
    assert np.isfinite(model.history["pretrain_loss"]).all().item()
    adata.obs["origin"] = "tumor"  # one class only teaches nothing
    scellm.CellLM.setup_anndata(adata, malignancy_key="origin")
    with pytest.raises(ValueError, match="tumour and cells known to be normal are both needed"):
        scellm.CellLM(adata, **SMALL).pretrain(**options)


def test_a_model_without_data_is_an_error(adata):
    model = scellm.CellLM.without_data(**SMALL)
    model.is_trained_ = True
    for call in (model.pretrain, model.train, model.get_latent_representation):
        with pytest.raises(ValueError, match="no data of its own"):
            call()


@pytest.mark.parametrize("contrast", ["divide-and-conquer", "moco"])
@pytest.mark.parametrize("depth", [0, 2])
def test_the_workflow_of_the_shipped_weights(tmp_path, contrast, depth):
    """PCA initialisation, hashed features, projection head, any depth: pretrained, saved, loaded, fine-tuned."""
    model = new(pooling="expression", hashed_dim=24, projector=8, depth=depth)
    assert not model.module.cell_encoder.pooling.initialized
    model.pretrain(**OPTIONS, contrast=contrast, view="thin", queue=32)
    assert model.module.cell_encoder.pooling.initialized
    vectors = model.get_latent_representation()
    assert vectors.shape == (60, SMALL["dim"] + 24)
    model.save_pretrained(tmp_path)
    again = scellm.CellLM.from_pretrained(tmp_path, model.adata)
    np.testing.assert_array_equal(again.get_latent_representation(), vectors)
    again.train(max_epochs=3, tune="last", **QUIET)
    assert len(again.predict()) == 60


def test_a_run_that_never_starts_leaves_the_model_as_it_was():
    model = new(pooling="expression", hashed_dim=24)
    before = weights(model)
    with pytest.raises(TypeError, match="no_such_option"):
        model.pretrain(**OPTIONS, no_such_option=1)
    assert same(before, weights(model))
