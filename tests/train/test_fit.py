from types import SimpleNamespace

import pytest
from lightning.pytorch.strategies import DDPStrategy

from scellm.train._fit import _check_devices
from scellm.train._processes import Processes
from tests.conftest import QUIET


def test_second_train_keeps_dropout_on(model):
    seen = []
    hook = model.module.cell_encoder.encoder.register_forward_hook(lambda m, *_: seen.append(m.training))
    for _ in range(2):
        seen.clear()
        model.pretrain(max_steps=1, batch_size=8, **QUIET)
        assert all(seen)
    for _ in range(2):
        seen.clear()
        model.train(max_epochs=1, tune="full", head="mlp", validation_size=0, **QUIET)
        assert all(seen)
    hook.remove()


def test_history_of_both_stages_is_kept(model):
    model.pretrain(max_steps=3, batch_size=8, **QUIET)
    model.train(max_epochs=2, head="mlp", **QUIET)
    assert len(model.history["pretrain_loss"]) == 3
    assert {
        len(model.history[k]) for k in ("train_loss", "train_accuracy", "validation_loss", "validation_macro_f1")
    } == {2}


def test_a_plan_for_one_process_refuses_several_devices():
    runner = SimpleNamespace(trainer=SimpleNamespace(world_size=2, strategy=DDPStrategy()))
    with pytest.raises(ValueError, match=r"This training uses one device; found 2.*devices=1"):
        _check_devices(runner, many=False)


def test_pretraining_refuses_strategies_that_cut_up_the_model(model):
    runner = SimpleNamespace(trainer=SimpleNamespace(world_size=2, strategy=object()))
    with pytest.raises(ValueError, match=r"every one has the whole model; found strategy=object.*'ddp'"):
        _check_devices(runner, many=True)
    runner.trainer.strategy = DDPStrategy()
    _check_devices(runner, many=True)


def test_a_second_run_on_one_device_after_several(model):
    model._processes = Processes(1, 2)
    model.pretrain(max_steps=1, batch_size=8, devices=1, **QUIET)
    assert model._processes == Processes()
