from dataclasses import replace
from io import StringIO

import anndata as ad
import numpy as np
import pandas as pd
import pytest

import scellm
from scellm.bm.drug import run_drugs
from scellm.datasets import DRUG_TASKS, _drug_tasks, drug_tasks
from tests.conftest import DATA


@pytest.fixture
def few(monkeypatch):
    """Drugs measured on two lines are enough."""
    monkeypatch.setattr(_drug_tasks, "ENOUGH", 2)


@pytest.fixture
def folder(tmp_path):
    """Three lines and two drugs in the layout of the data folder, in hundredths; one pair was measured twice."""
    (tmp_path / "drug").mkdir()
    obs = pd.DataFrame({"tissue": ["lung", "skin", "lung"]}, index=["a", "b", "c"])
    x = np.array([[100, -50], [0, 25], [10, 10]], np.int16)
    ad.AnnData(x, obs, pd.DataFrame(index=["TP53", "EGFR"])).write_h5ad(tmp_path / "drug/gdsc_expression_975x6163.h5ad")
    text = "line,drug,repeat,ln_ic50\na,1,0,2\na,1,1,4\nb,1,0,1\nb,2,0,5\nc,2,0,7\nz,1,0,1\na,3,0,1\n"
    pd.read_csv(StringIO(text)).to_csv(tmp_path / "drug/gdsc2_ic50_pairs.csv.gz", index=False)
    (tmp_path / "drug/gdsc_drug_smiles.csv").write_text("drug,smiles\n1,CCO\n2,CC\n")
    return tmp_path


@pytest.mark.usefixtures("few")
def test_files_of_a_folder(folder):
    tasks = drug_tasks(folder=folder)
    assert [t.name for t in tasks] == list(DRUG_TASKS)
    assert [type(t.split).__name__ for t in tasks] == ["UnseenLines", "UnseenTissues", "UnseenDrugs", "RandomPairs"]
    data = tasks[0].data
    np.testing.assert_allclose(data.lines.X, [[1, -0.5], [0, 0.25], [0.1, 0.1]])
    assert data.responses.columns.tolist() == [1, 2]
    np.testing.assert_array_equal(data.responses, [[3, np.nan], [1, 5], [np.nan, 7]])
    assert data.molecules.tolist() == ["CCO", "CC"]
    assert data.tissues.tolist() == ["lung", "skin", "lung"]


@pytest.mark.usefixtures("few")
def test_without_a_folder_the_public_files_are_joined_by_sanger_id(monkeypatch):
    monkeypatch.delenv("SCELLM_DATA_DIR", raising=False)
    obs = pd.DataFrame(
        {"SangerModelID": ["S1", "S2", np.nan, "S2"], "OncotreeLineage": list("LSKX")}, index=list("abcd")
    )
    lines = ad.AnnData(np.arange(8, dtype=np.float32).reshape(4, 2), obs, pd.DataFrame(index=["TP53", "EGFR"]))
    table = pd.DataFrame({"line": ["S1", "S2", "S9"], "drug": ["x"] * 3, "ln_ic50": [1.0, 2.0, 3.0]})
    monkeypatch.setattr(_drug_tasks, "gdsc", lambda release: table)
    monkeypatch.setattr(_drug_tasks, "depmap", lambda: lines)
    (task,) = drug_tasks("IC50, unseen tissues")
    assert task.data.responses["x"].to_dict() == {"S1": 1, "S2": 2}
    assert task.data.profiles(pd.Index(["S2"])).X.tolist() == [[2, 3]], "of two profiles of one line, the first"
    assert task.data.tissues.tolist() == ["L", "S"]


def test_a_given_folder_must_have_the_files(folder):
    (folder / "drug/gdsc_drug_smiles.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks \['gdsc_drug_smiles.csv'\]"):
        drug_tasks(folder=folder)


@pytest.mark.usefixtures("few")
def test_unseen_drugs_without_molecules_give_a_warning(monkeypatch, folder):
    data = drug_tasks("IC50, unseen lines", folder=folder)[0].data
    monkeypatch.delenv("SCELLM_DATA_DIR", raising=False)
    without = replace(data, smiles=None)
    monkeypatch.setattr(_drug_tasks, "_downloaded", lambda release: without)
    with pytest.warns(UserWarning, match="no SMILES"):
        drug_tasks("IC50, unseen drugs")
    drug_tasks("IC50, unseen lines")


@pytest.mark.usefixtures("few")
def test_a_default_folder_with_some_of_the_files_gives_a_warning(monkeypatch, folder):
    data = drug_tasks("IC50, unseen lines", folder=folder)[0].data
    monkeypatch.setattr(_drug_tasks, "_downloaded", lambda release: data)
    monkeypatch.setenv("SCELLM_DATA_DIR", str(folder))
    (folder / "drug/gdsc_drug_smiles.csv").unlink()
    with pytest.warns(UserWarning, match=r"lacks \['gdsc_drug_smiles.csv'\]"):
        drug_tasks("IC50, unseen lines")
    for file in (folder / "drug").iterdir():
        file.unlink()
    drug_tasks("IC50, unseen lines")  # a folder for other things


def test_wrong_names(folder):
    with pytest.raises(ValueError, match="names='IC50'"):
        drug_tasks("IC50", folder=folder)
    with pytest.raises(ValueError, match="release=3"):
        drug_tasks(release=3, folder=folder)


def test_the_data_folder_gives_tasks_that_run():
    if not (DATA / "drug").exists():
        pytest.skip("needs drug/ of the shared data folder; set SCELLM_TEST_DATA")
    task = drug_tasks("IC50, unseen lines", folder=DATA)[0]
    assert task.data.responses.shape[0] > 900
    assert task.data.responses.shape[1] > 150
    results = run_drugs([task], {"mean": scellm.baselines.drug.DrugMean}, seeds=1)
    assert len(results.table)
