import numpy as np
import pandas as pd
import pytest
import torch

from scellm.model._drug_features import DrugFeatures
from scellm.nn import PackedMolecules
from tests.responses import SMILES


def test_how_each_kind_reads_a_drug():
    one = DrugFeatures("onehot", SMILES)
    assert one.width("additive") == len(SMILES)
    torch.testing.assert_close(one.known("additive"), torch.eye(len(SMILES)))
    assert DrugFeatures("morgan", SMILES).width("solved") == len(SMILES)
    pytest.importorskip("rdkit", reason="reads molecules with RDKit")
    assert DrugFeatures("morgan", SMILES).known("additive").shape == (len(SMILES), 2048)
    graph = DrugFeatures("graph", SMILES)
    assert graph.width("additive") == 0
    assert isinstance(graph.known("additive"), PackedMolecules)


def test_an_unseen_drug_is_a_mixture_of_its_relatives():
    pytest.importorskip("rdkit", reason="reads molecules with RDKit")
    known = DrugFeatures("morgan", SMILES.drop("gefitinib"))
    shares = known.shares(SMILES[["gefitinib"]])
    np.testing.assert_allclose(shares.sum(1), 1)
    assert known.smiles.index[shares[0].argmax()] == "erlotinib"


def test_names():
    drugs = DrugFeatures("onehot", SMILES, {"Tarceva": "erlotinib"})
    assert drugs.places([" erlotinib ", "Tarceva", "new"]).tolist() == [2, 2, -1]
    with pytest.raises(ValueError, match="drug_encoder='gin' is not known"):
        DrugFeatures("gin", SMILES)


def test_lacking_molecules_are_named():
    lacking = pd.Series({"a": "C", "b": ""})
    DrugFeatures("onehot", lacking).require_smiles()
    with pytest.raises(ValueError, match=r"1 of 2 drugs have no SMILES, such as \['b'\].*drug_encoder='onehot'"):
        DrugFeatures("graph", lacking).require_smiles()
