import numpy as np
import pytest

from scellm.baselines.drug import DrugForest
from tests.responses import SMILES, make_data

pytest.importorskip("rdkit", reason="reads molecules with RDKit")


def test_it_learns_pairs_and_predicts_unseen_drugs():
    data = make_data()
    method = DrugForest(5, 20).fit(data.lines, data.responses.drop(columns="gefitinib"), smiles=SMILES)
    found = method.predict(data.lines, ["aspirin", "gefitinib"])
    assert np.isfinite(found.to_numpy()).all()
    known = data.responses["aspirin"].notna()
    assert np.corrcoef(found["aspirin"][known], data.responses["aspirin"][known])[0, 1] > 0.5
