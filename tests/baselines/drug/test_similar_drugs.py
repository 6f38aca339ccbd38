import numpy as np
import pytest

from scellm.baselines.drug import SimilarDrugs
from tests.responses import SMILES, make_data

pytest.importorskip("rdkit", reason="reads molecules with RDKit")


def test_an_unseen_drug_is_like_its_relative():
    data = make_data()
    method = SimilarDrugs(3).fit(data.lines, data.responses.drop(columns="gefitinib"), smiles=SMILES)
    found = method.predict(data.lines, ["gefitinib"])["gefitinib"]
    table = np.array([method.table[name] for name in data.lines.obs_names])
    like = {d: np.corrcoef(found, table[:, i])[0, 1] for i, d in enumerate(method.drugs)}
    assert max(like, key=like.get) == "erlotinib"  # both are anilinoquinazolines


def test_it_needs_molecules():
    data = make_data()
    with pytest.raises(ValueError, match="SimilarDrugs needs smiles="):
        SimilarDrugs().fit(data.lines, data.responses)
