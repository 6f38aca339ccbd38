import torch

from scellm.data import Tokens
from scellm.module import CellLMModule
from scellm.nn import make_config
from scellm.train import malignancy_loss
from scellm.train.objectives._registry import make_heads
from tests.conftest import SMALL


def tokens(n=1000):
    return Tokens(torch.arange(n) % 50, torch.arange(n) % 6, torch.tensor([0, n // 2, n]))


def module():
    torch.manual_seed(0)
    return CellLMModule(make_config("mini", 50, **SMALL), heads=make_heads()).eval()


def test_unlabelled_cells_are_ignored():
    m = module()
    hidden = m.cell_encoder.encoder(m.cell_encoder.pad(tokens(40)))
    p = torch.sigmoid(m.heads["malignancy"](hidden[:, 0])).squeeze(1)
    torch.testing.assert_close(malignancy_loss(m.heads["malignancy"], hidden, torch.tensor([1, -1])), -torch.log(p[0]))
    torch.testing.assert_close(
        malignancy_loss(m.heads["malignancy"], hidden, torch.tensor([1, 0])), -torch.log(p[0]) - torch.log(1 - p[1])
    )
    assert malignancy_loss(m.heads["malignancy"], hidden, torch.tensor([-1, -1])) == 0
