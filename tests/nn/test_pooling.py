import pytest
import torch

from scellm._tokens import Tokens
from scellm.nn import POOLINGS, Pooling, SparsePooling


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


def test_by_default_there_are_no_gene_vectors_and_no_linear_last_step():
    pooling = POOLINGS["cls"](9, 5, 4, 0)
    assert pooling.gene_vectors is None
    with pytest.raises(ValueError, match="ClsPooling has no linear last step"):
        pooling.transform(torch.eye(4))
