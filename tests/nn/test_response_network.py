import pytest
import torch

from scellm.nn import RESPONSE_HEADS, PackedMolecules, ResponseNetwork


@pytest.mark.parametrize("head", RESPONSE_HEADS)
def test_every_head_gives_lines_by_drugs(head):
    network = ResponseNetwork(head, 6, 5).eval()
    assert network(torch.randn(4, 6), torch.randn(5, 5)).shape == (4, 5)
    assert network.molecules is None


def test_molecules_are_encoded():
    atoms = torch.randn(3, 77)
    drugs = PackedMolecules(atoms, torch.tensor([0, 1]), torch.tensor([1, 0]), torch.tensor([0, 0, 1]), 2).to("cpu")
    network = ResponseNetwork("additive", 6, 0).eval()
    assert network(torch.randn(4, 6), drugs).shape == (4, 2)
    with pytest.raises(ValueError, match="not molecules"):
        ResponseNetwork("additive", 6, 5)(torch.randn(4, 6), drugs)
