import pytest
import torch

from scellm.data import Tokens
from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.train import mask, masked_loss
from scellm.train.objectives._registry import make_heads
from tests.conftest import SMALL


def tokens(n=1000):
    return Tokens(torch.arange(n) % 50, torch.arange(n) % 6, torch.tensor([0, n // 2, n]))


def test_mask_rate_keep_and_seed():
    t = tokens(20_000)
    m = mask(t, 7, torch.Generator().manual_seed(0), rate=0.15, keep=0.1)
    masked = m.target >= 0
    assert masked.float().mean() == pytest.approx(0.15, abs=0.01)
    assert torch.equal(m.target[masked], t.bin[masked])
    assert torch.equal(m.bin[~masked], t.bin[~masked])
    assert (m.bin[masked] == 7).float().mean() == pytest.approx(0.9, abs=0.02)
    assert torch.equal(m.target, mask(t, 7, torch.Generator().manual_seed(0), 0.15, 0.1).target)


def test_at_least_one_gene_is_masked_if_there_is_one():
    assert (mask(tokens(2), 7, torch.Generator().manual_seed(0), rate=1e-6).target >= 0).sum() == 1
    empty = Tokens(*(torch.zeros(0, dtype=torch.long),) * 2, torch.zeros(3, dtype=torch.long))
    assert mask(empty, 7, torch.Generator()).target.numel() == 0


def module():
    torch.manual_seed(0)
    return CellLMModule(make_config("mini", 50, **SMALL), heads=make_heads()).eval()


def test_masked_loss_is_cross_entropy_on_the_masked_genes():
    m, t = module(), tokens(40)
    cells = m.cell_encoder.pad(mask(t, 7, torch.Generator().manual_seed(0), 0.3))
    hidden = m.cell_encoder.encoder(cells)
    scores = m.heads["masked"](hidden).log_softmax(-1)
    want = sum(-scores[i, j, cells.target[i, j]] for i, j in (cells.target >= 0).nonzero().tolist())
    torch.testing.assert_close(masked_loss(m.heads["masked"], hidden, cells), want)
    assert (cells.target[:, 0] == -1).all()
