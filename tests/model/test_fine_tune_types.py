import numpy as np
import pytest
import torch

import scellm
from scellm.nn import AnnotationHead, LinearHead
from tests.conftest import QUIET, SMALL, make_adata


def new():
    adata = make_adata(90)
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    return scellm.CellLM(adata, **SMALL)


def test_what_is_not_better_is_undone():
    model = new()
    encoder = {k: v.clone() for k, v in model.module.cell_encoder.state_dict().items()}
    model.train(tune="full", lr=5.0, max_epochs=2, early_stopping=False, validation_size=0.3, **QUIET)
    assert all(torch.equal(v, encoder[k]) for k, v in model.module.cell_encoder.state_dict().items())
    assert isinstance(model.module.annotation_head, LinearHead)
    assert model.features_of() == "embedding and components"


def test_what_is_better_is_kept():
    model = new()
    encoder = {k: v.clone() for k, v in model.module.cell_encoder.state_dict().items()}
    model.train(tune="full", lr=1e-3, max_epochs=10, validation_size=0.3, strength=1e-3, **QUIET)
    assert any(not torch.equal(v, encoder[k]) for k, v in model.module.cell_encoder.state_dict().items())
    assert model.features_of() == "embedding"


def test_the_papers_head_and_training_that_is_not_finished(capsys):
    model = new()
    model.train(head="mlp", max_epochs=2, **QUIET)
    assert isinstance(model.module.annotation_head, AnnotationHead)
    assert "pass a larger max_epochs" in " ".join(capsys.readouterr().out.split())


def test_ctrl_c_keeps_what_was_learned():
    import lightning.pytorch as pl

    class Interrupt(pl.Callback):
        def on_train_epoch_end(self, trainer, plan):
            if trainer.current_epoch == 2:
                raise KeyboardInterrupt

    model = new()
    encoder = {k: v.clone() for k, v in model.module.cell_encoder.state_dict().items()}
    with pytest.raises(KeyboardInterrupt):
        model.train(head="mlp", tune="full", lr=1e-3, max_epochs=9, callbacks=[Interrupt()], **QUIET)
    assert any(not torch.equal(v, encoder[k]) for k, v in model.module.cell_encoder.state_dict().items())
    assert np.isin(model.predict(), ["type 0", "type 1", "type 2"]).all()
