import numpy as np
import pandas as pd
import pytest

from scellm.drug import morgan_fingerprints, tanimoto

rdkit = pytest.importorskip("rdkit", reason="reads molecules with RDKit")


def test_they_are_rdkits_and_so_is_their_similarity():
    from rdkit import Chem, DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    texts = ["CC(=O)Oc1ccccc1C(=O)O", "OC(=O)c1ccccc1O", "CCO"]
    found = morgan_fingerprints(pd.Series(texts, index=list("abc")))
    assert found.shape == (3, 2048)
    assert set(np.unique(found)) == {0, 1}
    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    theirs = [make.GetFingerprint(Chem.MolFromSmiles(t)) for t in texts]
    want = [DataStructs.BulkTanimotoSimilarity(a, theirs) for a in theirs]
    np.testing.assert_allclose(tanimoto(found, found), want)


def test_none():
    assert morgan_fingerprints(pd.Series(dtype=object), bits=64).shape == (0, 64)
