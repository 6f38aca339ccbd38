import numpy as np
import pandas as pd
import pytest
import torch

from scellm.nn import MoleculeEncoder


def molecules(smiles):
    pytest.importorskip("rdkit", reason="reads molecules with RDKit")
    from scellm.drug import Molecules

    found = Molecules.of(pd.Series(smiles, index=[str(i) for i in range(len(smiles))]))
    molecule = np.repeat(np.arange(len(found)), np.diff(found.offsets))
    parts = [torch.from_numpy(x) for x in (found.atoms, found.source, found.target, molecule)]
    return (*parts, len(found))


SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "CCO", "C"]


def test_it_has_the_published_number_of_parameters():
    assert sum(p.numel() for p in MoleculeEncoder().parameters()) == 93_312


@pytest.mark.parametrize("train", [True, False])
def test_it_equals_pyg(train):
    pyg = pytest.importorskip("torch_geometric.nn", reason="compares with PyTorch Geometric")
    torch.manual_seed(0)
    ours = MoleculeEncoder().train(train)
    atoms, source, target, molecule, n = molecules(SMILES)
    convs = [pyg.GINConv(layer, eps=0.0).train(train) for layer in ours.layers]
    x, parts = atoms, []
    for conv, norm in zip(convs, ours.norms, strict=True):
        x = norm(torch.relu(conv(x, torch.stack([source, target]))))
        parts.append(x)
    want = pyg.global_max_pool(pyg.JumpingKnowledge("cat")(parts), molecule)
    for norm in ours.norms:
        norm.reset_running_stats() if train else None
    torch.testing.assert_close(ours(atoms, source, target, molecule, n), want)


def test_a_molecule_does_not_depend_on_the_others_nor_on_the_order_of_its_atoms():
    encoder = MoleculeEncoder().eval()
    together = encoder(*molecules(SMILES))
    for i, text in enumerate(SMILES):
        torch.testing.assert_close(encoder(*molecules([text]))[0], together[i])
    torch.testing.assert_close(encoder(*molecules(["OCC"]))[0], encoder(*molecules(["CCO"]))[0])


def test_gradients_reach_every_layer():
    encoder = MoleculeEncoder()
    encoder(*molecules(SMILES)).sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())
