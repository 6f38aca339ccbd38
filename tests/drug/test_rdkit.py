import sys

import pytest

from scellm.drug._rdkit import rdkit, read_smiles


def test_without_rdkit_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    with pytest.raises(ImportError, match=r"pip install 'scellm\[drug\]'"):
        rdkit("Chem")


@pytest.mark.parametrize("text", ["", "  ", None, 3.5, "not a molecule", "C1CC", "c1ccccc"])
def test_what_is_no_molecule_is_named(text):
    pytest.importorskip("rdkit", reason="reads molecules with RDKit")
    with pytest.raises(ValueError, match="The SMILES of 'my drug' cannot be read"):
        read_smiles(text, "my drug")
