import pytest

from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.train import FineTuningConfig, FineTuningPlan, SupervisedPlan
from tests.conftest import QUIET, SMALL


def test_it_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        SupervisedPlan(CellLMModule(make_config("mini", 50, **SMALL), 2), [], FineTuningConfig())


def test_only_the_parts_are_trained_and_drop_out():
    module = CellLMModule(make_config("mini", 50, **SMALL), 2)
    plan = FineTuningPlan(module, FineTuningConfig(tune="last"))
    plan.on_fit_start()
    plan.on_train_epoch_start()
    encoder = module.cell_encoder.encoder
    assert not encoder.embedding.bin.weight.requires_grad
    assert not encoder.blocks[0].training
    assert encoder.blocks[1].training
    assert encoder.blocks[1].ff.w1.weight.requires_grad
    n = sum(p.numel() for p in plan.configure_optimizers().param_groups[0]["params"])
    assert n == sum(p.numel() for p in module.parameters() if p.requires_grad)
    plan.on_fit_end()
    assert all(p.requires_grad for p in module.parameters())


@pytest.mark.parametrize("early_stopping", [True, False])
def test_best_weights_are_kept_only_where_training_stops_early(model, early_stopping):
    model.train(
        max_epochs=8, lr=0.05, tune="full", head="mlp", early_stopping=early_stopping, validation_size=0.3, **QUIET
    )
    losses = model.history["validation_loss"]["validation_loss"].astype(float)
    assert len(losses) <= 8
    if not early_stopping:
        assert len(losses) == 8
