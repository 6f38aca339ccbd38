import numpy as np
import pandas as pd
import pytest

from scellm.drug import Molecules
from scellm.drug._molecules import N_ATOM_FEATURES, SYMBOLS

pytest.importorskip("rdkit", reason="reads molecules with RDKit")


def test_there_are_77_features():
    assert N_ATOM_FEATURES == 77
    assert len(SYMBOLS) == len(set(SYMBOLS)) == 43


def test_ethanol_by_hand():
    found = Molecules.of(pd.Series({"ethanol": "CCO"}))
    assert found.atoms.shape == (3, 77)
    assert sorted(zip(found.source, found.target, strict=True)) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    start = {"symbol": 0, "degree": 43, "valence": 54, "charge": 61, "radical": 62, "hybrid": 63, "aromatic": 68}
    start |= {"hydrogens": 69, "ring": 74, "chirality": 75}
    c, _, o = found.atoms
    assert c[start["symbol"] + SYMBOLS.index("C")] == 1
    assert o[start["symbol"] + SYMBOLS.index("O")] == 1
    assert c[start["degree"] + 1] == 1
    assert c[start["valence"] + 3] == 1
    assert c[start["hydrogens"] + 3] == 1
    assert o[start["hydrogens"] + 1] == 1
    assert c[start["hybrid"] + 2] == 1  # SP3
    assert c[start["aromatic"]] == c[start["ring"]] == c[start["charge"]] == c[start["radical"]] == 0
    assert c.sum() == 5


def test_rings_charges_and_chirality():
    found = Molecules.of(pd.Series({"benzene": "c1ccccc1", "ammonium": "C[NH3+]", "alanine": "C[C@H](N)C(=O)O"}))
    assert len(found) == 3
    assert found.offsets.tolist() == [0, 6, 8, 14]
    assert found.atoms[:6, 68].all()
    assert found.atoms[:6, 74].all()
    assert found.atoms[7, 61] == 1
    assert found.atoms[8:, 75:].sum() == 1
    inside = np.searchsorted(found.offsets, found.source, side="right") == np.searchsorted(
        found.offsets, found.target, side="right"
    )
    assert inside.all()  # no bond joins two molecules


def test_a_name_in_the_message():
    with pytest.raises(ValueError, match="SMILES of 'b' cannot be read"):
        Molecules.of(pd.Series({"a": "C", "b": "xx"}))
