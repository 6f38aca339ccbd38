import numpy as np
import pytest

from scellm.baselines.drug import DenoisedRidge
from scellm.bm.drug import DrugTask, UnseenDrugs, run_drugs
from scellm.model import DrugResponseMethod
from tests.responses import make_data


def test_it_takes_part_in_a_benchmark():
    methods = {"ours": lambda: DrugResponseMethod(drug_encoder="onehot", rank=5), "ridge": DenoisedRidge}
    found = run_drugs([DrugTask("x", make_data())], methods, seeds=1).pivot()["interaction"]
    assert found[("x", "ours")] > found[("x", "ridge")] - 0.1


def test_unseen_drugs():
    pytest.importorskip("rdkit", reason="reads molecules with RDKit")
    task = DrugTask("x", make_data(), UnseenDrugs(0.3))
    found = run_drugs([task], {"ours": lambda: DrugResponseMethod(drug_encoder="morgan")}, seeds=1)
    assert np.isfinite(found.pivot()["rmse"]).all()
