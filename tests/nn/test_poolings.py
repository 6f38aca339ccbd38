import pytest
import torch

from scellm._tokens import Tokens
from scellm.nn import POOLINGS


@pytest.mark.parametrize("name", POOLINGS)
def test_every_pooling_is_made_by_the_same_sizes_and_gives_its_dimensions(name):
    made = POOLINGS[name](20, 6, 8, 5)
    cells = Tokens(torch.arange(5), torch.zeros(5, dtype=torch.long), torch.tensor([0, 2, 5])).pad(20, 6)
    found = made(torch.randn(*cells.gene.shape, 8), cells)
    assert found.shape == (2, POOLINGS[name].cell_dim(8, 5))
