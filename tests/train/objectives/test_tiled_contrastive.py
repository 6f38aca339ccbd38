import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from scellm.train import Contrastive, contrastive_loss, tiled_contrastive_loss
from scellm.train.objectives import _contrastive
from tests.train.test_batch_views import tokens

GROUPS = {
    "plain": {},
    "clusters": {"positives": True},
    "sources": {"candidates": True},
    "both": {"positives": True, "candidates": True},
}


def views(n=23, dim=5):
    torch.manual_seed(0)
    return [torch.randn(n, dim, dtype=torch.float64, requires_grad=True) for _ in range(2)]


def groups_of(n, chosen):
    source = torch.arange(n) % 3
    groups = {"candidates": source, "positives": source * 10 + torch.arange(n) // 3 % 2}
    return {k: groups[k] for k in GROUPS[chosen]}


def gradients(loss, inputs):
    return torch.autograd.grad(3 * loss, inputs)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("chosen", list(GROUPS))
@pytest.mark.parametrize("tile", [1, 7, 23, 100])
def test_value_and_gradient_are_those_of_the_whole_matrix(symmetric, chosen, tile):
    inputs, groups = views(), groups_of(23, chosen)
    masks = {k: v[:, None] == v[None] for k, v in groups.items()}
    whole = contrastive_loss(*inputs, 0.2, symmetric=symmetric, **masks)
    tiled = tiled_contrastive_loss(*inputs, 0.2, symmetric=symmetric, tile=tile, **groups)
    torch.testing.assert_close(tiled, whole, rtol=1e-12, atol=1e-12)
    for a, b in zip(gradients(tiled, inputs), gradients(whole, inputs), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_gradcheck():
    inputs, groups = views(6, 3), groups_of(6, "both")
    loss = lambda a, b: tiled_contrastive_loss(a, b, 0.5, symmetric=True, tile=4, **groups)
    assert torch.autograd.gradcheck(loss, inputs)


class Largest(TorchDispatchMode):
    """Number of elements of the largest array that is made."""

    most = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for one in out if isinstance(out, list | tuple) else [out]:
            if isinstance(one, torch.Tensor):
                self.most = max(self.most, one.numel())
        return out


def test_the_matrix_of_all_pairs_is_never_there():
    inputs, groups = views(600, 4), groups_of(600, "both")
    with Largest() as found:
        tiled_contrastive_loss(*inputs, symmetric=True, tile=10, **groups).backward()
    assert found.most == 600 * 10
    with Largest() as found:
        contrastive_loss(*inputs)
    assert found.most == 600 * 600


@pytest.mark.parametrize(("positives", "negatives"), [("views", "batch"), ("clusters", "source")])
def test_the_objective_takes_tiles_for_a_large_batch(positives, negatives, monkeypatch):
    inputs = views(30)
    objective = Contrastive(0.2, symmetric=True, positives=positives, negatives=negatives)
    groups = {"source": torch.arange(30) % 2, "cluster": torch.arange(30) // 2 % 3}
    objective.before_step(tokens(), groups if positives == "clusters" else {}, 0, 0)
    want = objective.loss(*inputs)
    monkeypatch.setattr(_contrastive, "_WHOLE_BYTES", 100)
    monkeypatch.setattr(_contrastive, "contrastive_loss", None)
    torch.testing.assert_close(objective.loss(*inputs), want, rtol=1e-12, atol=1e-12)
