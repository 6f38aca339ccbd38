import pytest
import torch

from scellm._tokens import Tokens
from scellm.nn import Pooling, SparsePooling


def test_it_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        Pooling(10, 6, 8, 0)


def test_by_default_there_is_nothing_to_initialize():
    made = SparsePooling(10, 6, 8)
    before = {k: v.clone() for k, v in made.state_dict().items()}
    assert not made.needs_cells
    made.initialize(Tokens(torch.arange(2), torch.zeros(2, dtype=torch.long), torch.tensor([0, 1, 2])))
    assert all(torch.equal(v, before[k]) for k, v in made.state_dict().items())
    assert Pooling.cell_dim(8, 99) == 8
