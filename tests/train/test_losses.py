import pytest
import torch

from scellm.data import Tokens
from scellm.nn import make_config
from scellm.nn._module import CellLMModule
from scellm.train import Recipe, contrastive_loss, mask, masked_loss, origin_loss, queue_loss
from tests.conftest import SMALL


def test_contrastive_is_the_printed_formula():
    torch.manual_seed(0)
    a, b = torch.randn(2, 7, 5, dtype=torch.float64)
    sim = torch.exp(torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=-1) / 0.3)
    want = -torch.log(sim.diag() / sim.sum(1)).mean()
    torch.testing.assert_close(contrastive_loss(a, b, 0.3), want)
    back = -torch.log(sim.diag() / sim.sum(0)).mean()
    torch.testing.assert_close(contrastive_loss(a, b, 0.3, symmetric=True), (want + back) / 2)


def test_queue_is_the_formula_of_moco():
    torch.manual_seed(0)
    q, k, queue = torch.randn(4, 5), torch.randn(4, 5), torch.nn.functional.normalize(torch.randn(9, 5), dim=1)
    cos = torch.nn.functional.cosine_similarity
    positive = torch.exp(cos(q, k) / 0.2)
    want = -torch.log(positive / (positive + torch.exp(cos(q[:, None], queue[None], dim=-1) / 0.2).sum(1))).mean()
    torch.testing.assert_close(queue_loss(q, k, queue, 0.2), want)


def tokens(n=1000):
    return Tokens(torch.arange(n) % 50, torch.arange(n) % 6, torch.tensor([0, n // 2, n]))


def test_mask_rate_keep_and_seed():
    t = tokens(20_000)
    m = mask(t, 7, torch.Generator().manual_seed(0), rate=0.15, keep=0.1)
    asked = m.target >= 0
    assert asked.float().mean() == pytest.approx(0.15, abs=0.01)
    assert torch.equal(m.target[asked], t.bin[asked])
    assert torch.equal(m.bin[~asked], t.bin[~asked])
    assert (m.bin[asked] == 7).float().mean() == pytest.approx(0.9, abs=0.02)
    assert torch.equal(m.target, mask(t, 7, torch.Generator().manual_seed(0), 0.15, 0.1).target)


def test_one_gene_is_asked_for_at_least_and_none_of_none():
    assert (mask(tokens(2), 7, torch.Generator().manual_seed(0), rate=1e-6).target >= 0).sum() == 1
    empty = Tokens(*(torch.zeros(0, dtype=torch.long),) * 2, torch.zeros(3, dtype=torch.long))
    assert mask(empty, 7, torch.Generator()).target.numel() == 0


def module():
    torch.manual_seed(0)
    return CellLMModule(make_config("mini", 50, **SMALL)).eval()


def test_masked_loss_is_cross_entropy_on_the_genes_asked_for():
    m, t = module(), tokens(40)
    cells = m.pad(mask(t, 7, torch.Generator().manual_seed(0), 0.3))
    hidden = m.encoder(cells)
    scores = m.masked_head(hidden).log_softmax(-1)
    want = sum(-scores[i, j, cells.target[i, j]] for i, j in (cells.target >= 0).nonzero().tolist())
    torch.testing.assert_close(masked_loss(m, hidden, cells), want)
    assert (cells.target[:, 0] == -1).all()


def test_origin_skips_unlabelled_cells():
    m = module()
    hidden = m.encoder(m.pad(tokens(40)))
    p = torch.sigmoid(m.origin_head(hidden[:, 0])).squeeze(1)
    torch.testing.assert_close(origin_loss(m, hidden, torch.tensor([1, -1])), -torch.log(p[0]))
    torch.testing.assert_close(origin_loss(m, hidden, torch.tensor([1, 0])), -torch.log(p[0]) - torch.log(1 - p[1]))
    assert origin_loss(m, hidden, torch.tensor([-1, -1])) == 0


def test_learning_rate_rises_then_falls():
    r = Recipe(steps=100, lr=1e-3, warmup=0.1)
    rates = [r.lr_at(s) for s in range(100)]
    assert rates[0] == pytest.approx(1e-4)
    assert rates[9] == pytest.approx(1e-3)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 0}, {"objectives": ()}, {"objectives": ("clever",)}, {"contrast": "simclr"}, {"temperature": 0}, {"mask_rate": 1},
        {"masked_inputs": "both"}, {"lr": 0}, {"objectives": ("contrastive",), "contrast": None},
    ],
)  # fmt: skip
def test_bad_recipes(options):
    with pytest.raises(ValueError, match=r"found|expected|leaves"):
        Recipe(**{"steps": 1, **options})
