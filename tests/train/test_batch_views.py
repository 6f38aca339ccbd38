import pytest
import torch

from scellm._tokens import Tokens
from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.train import Malignancy, MaskedExpression, make_chunks, make_views
from scellm.train._batch_views import ChunkForward
from scellm.train.objectives._registry import make_heads
from tests.conftest import SMALL

BOTH = (MaskedExpression(), Malignancy())


def tokens(seed=0):
    generator = torch.Generator().manual_seed(seed)
    gene = torch.cat([torch.randperm(50, generator=generator)[:n] for n in (9, 20, 3, 14)])
    return Tokens(gene, torch.randint(6, (46,), generator=generator), torch.tensor([0, 9, 29, 32, 46]))


def names(views):
    return [(v.contrastive, [o.name for o in v.objectives]) for v in views]


@pytest.mark.parametrize(
    ("objectives", "n", "shared", "wanted"),
    [
        (BOTH, 2, False, [(True, ["malignancy"]), (True, []), (False, ["masked"])]),
        (BOTH, 2, True, [(True, ["masked", "malignancy"]), (True, [])]),
        (BOTH, 1, False, [(True, ["malignancy"]), (False, ["masked"])]),
        (BOTH, 0, True, [(False, ["masked", "malignancy"])]),
        (BOTH[1:], 0, False, [(False, ["malignancy"])]),
        ((), 2, False, [(True, []), (True, [])]),
    ],
)
def test_which_view_has_which_losses(objectives, n, shared, wanted):
    first, second = tokens(), tokens(1)
    views = make_views(objectives, (first, second), n, share_masks=shared, mask_id=7, key=1)
    assert names(views) == wanted
    masked = [v for v in views if any(o.name == "masked" for o in v.objectives)]
    assert all(v.tokens.target is not None for v in masked)
    assert sum(v.tokens.target is not None for v in views) == len(masked)
    if n == 2:
        assert views[1].tokens is second


def test_chunks_cover_every_view_and_have_seeds_of_their_own():
    views = make_views(BOTH, (tokens(), tokens(1)), 2, share_masks=False, mask_id=7, key=1)
    chunks = make_chunks(views, 25, 0.05, seed=3, step=2)
    for at in range(3):
        mine = torch.cat([c.cells for c in chunks if c.view == at])
        assert sorted(mine.tolist()) == [0, 1, 2, 3]
    assert len({c.seed for c in chunks}) == len(chunks)
    again = make_chunks(views, 25, 0.05, seed=3, step=2)
    assert [c.seed for c in again] == [c.seed for c in chunks]
    assert {c.seed for c in make_chunks(views, 25, 0.05, seed=3, step=3)}.isdisjoint(c.seed for c in chunks)
    assert all((c.view < 2) == c.contrastive for c in chunks)


def test_losses_are_means_over_the_batch_for_any_cut():
    torch.manual_seed(0)
    module = CellLMModule(make_config("mini", 50, dropout=0.0, **SMALL), heads=make_heads()).double()
    views = make_views(BOTH, (tokens(),), 0, share_masks=False, mask_id=7, key=1)
    labels = {"malignancy": torch.tensor([1, -1, 0, 1])}
    found = []
    for budget in (1, 10_000):
        forward = ChunkForward(module, views, labels)
        for chunk in make_chunks(views, budget, 0.05, 0, 0):
            embeddings, local = forward(chunk)
            assert embeddings is None
            assert local.requires_grad
        assert forward.counts["malignancy"] == 3
        found.append(forward.sums)
    assert found[0] == pytest.approx(found[1], rel=1e-10)


def test_without_gradient_nothing_is_summed_and_without_labels_nothing_is_lost():
    module = CellLMModule(make_config("mini", 50, **SMALL), heads=make_heads())
    views = make_views(BOTH[1:], (tokens(),), 0, share_masks=False, mask_id=7, key=1)
    (chunk,) = make_chunks(views, 10_000, 0.9, 0, 0)
    forward = ChunkForward(module, views, {})
    assert float(forward(chunk)[1]) == 0
    with torch.no_grad():
        forward = ChunkForward(module, views, {"malignancy": torch.ones(4, dtype=torch.long)})
        assert float(forward(chunk)[1]) > 0
    assert forward.sums == {}
