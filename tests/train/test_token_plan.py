import torch

from scellm.train._token_plan import TokenPlan, adam


def test_batches_stay_on_the_cpu():
    batch = {"gene": torch.zeros(3)}
    assert TokenPlan().transfer_batch_to_device(batch, torch.device("meta"), 0) is batch


def test_adam_is_fused_where_torch_has_it():
    layer = torch.nn.Linear(2, 2)
    made = adam(iter(layer.parameters()), 1e-3, 1e-2)
    assert made.defaults["fused"]
    assert made.defaults["weight_decay"] == 1e-2
    assert not adam(torch.nn.Linear(2, 2, device="meta").parameters(), 1e-3, 0.0).defaults["fused"]
