from types import SimpleNamespace

import pytest
import torch

from scellm._tokens import Tokens
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
def test_it_stops_without_progress_and_goes_back_to_the_best_epoch(early_stopping):
    module = CellLMModule(make_config("mini", 50, **SMALL), 2)
    plan = FineTuningPlan(module, FineTuningConfig(patience=2, early_stopping=early_stopping))
    plan._trainer = SimpleNamespace(
        sanity_checking=False,
        callback_metrics={},
        should_stop=False,
        current_epoch=0,
        strategy=SimpleNamespace(broadcast=lambda x: x),
    )
    stopped = []
    for epoch, loss in enumerate([3.0, 2.0, 2.0, 2.5]):
        with torch.no_grad():
            module.annotation_head.bias.fill_(epoch)
        plan._trainer.callback_metrics["validation_loss"] = torch.tensor(loss)
        plan.on_validation_epoch_end()
        stopped.append(plan._trainer.should_stop)
    assert stopped == [False, False, False, early_stopping]
    plan.on_fit_end()
    assert module.annotation_head.bias[0].item() == (1 if early_stopping else 3)


def test_without_early_stopping_all_epochs_are_run(model):
    options = {"max_epochs": 8, "lr": 0.05, "tune": "full", "head": "mlp", "validation_size": 0.3}
    model.train(early_stopping=False, **options, **QUIET)
    assert len(model.history["validation_loss"]) == 8


def test_a_seed_decides_dropout():
    """Dropout is keyed by the seed, the step and the chunk, and leaves the stream of others alone."""
    module = CellLMModule(make_config("mini", 50, **{**SMALL, "dropout": 0.5}), 2).train()
    tokens = Tokens(torch.arange(40) % 50, torch.ones(40, dtype=torch.int64), torch.tensor([0, 10, 20, 40]))
    plans = [FineTuningPlan(module, FineTuningConfig(), seed=seed) for seed in (0, 0, 1)]
    before = torch.random.get_rng_state()
    first, second, other = (plan._embeddings(tokens) for plan in plans)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    plans[0].step = 1
    assert not torch.equal(first, plans[0]._embeddings(tokens))
    assert torch.equal(before, torch.random.get_rng_state())
    torch.testing.assert_close(plans[0]._embeddings(tokens).shape, module.eval().embed(tokens).shape)


def test_what_works_on_one_device_alone_is_refused_on_several():
    plan = FineTuningPlan(CellLMModule(make_config("mini", 50, **SMALL), 2), FineTuningConfig())
    plan._trainer = SimpleNamespace(global_rank=0, world_size=2, gradient_clip_val=1.0, accumulate_grad_batches=1)
    with pytest.raises(ValueError, match=r"gradient_clip_val=1.0 .* one device only; found 2"):
        plan.setup("fit")
