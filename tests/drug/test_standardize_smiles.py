import pandas as pd
import pytest

from scellm.drug import standardize_smiles

pytest.importorskip("rdkit", reason="reads molecules with RDKit")


def test_cisplatin_does_not_become_ammonia():
    found = standardize_smiles(
        pd.Series({"Cisplatin": "N.N.Cl[Pt]Cl", "Oxaliplatin": "C1CCC(C(C1)[NH-])[NH-].C(=O)(C(=O)O)O.[Pt+2]"})
    )
    assert "Pt" in found["Cisplatin"]
    assert found["Cisplatin"].count("Cl") == 2
    assert "Pt" in found["Oxaliplatin"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CC(=O)Oc1ccccc1C(=O)O", "[Na+].CC(=O)Oc1ccccc1C(=O)[O-]"),
        ("Oc1ccccc1", "c1ccccc1O"),
        ("CN", "C[NH3+].[Cl-]"),
    ],
)
def test_one_molecule_has_one_text(one, other):
    found = standardize_smiles(pd.Series({"a": one, "b": other}))
    assert found["a"] == found["b"]


def test_stereo_stays():
    found = standardize_smiles(pd.Series({"l": "C[C@H](N)C(=O)O", "d": "C[C@@H](N)C(=O)O"}))
    assert found["l"] != found["d"]


def test_all_wrong_ones_are_named():
    with pytest.raises(ValueError, match=r"2 of 3 SMILES cannot be read, such as those of \['b', 'c'\]"):
        standardize_smiles(pd.Series({"a": "CCO", "b": "?", "c": None}))


def test_other_containers_and_names_that_repeat():
    assert standardize_smiles({"a": "OCC"})["a"] == standardize_smiles(pd.DataFrame({"s": ["CCO"]}, index=["a"]))["a"]
    assert standardize_smiles(pd.Series(["CCO", "CN"], index=["a", "a"])).tolist() == ["CCO", "CN"]
    with pytest.raises(TypeError, match=r"must be a Series of SMILES.*found list"):
        standardize_smiles(["CCO"])
