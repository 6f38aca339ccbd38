"""Every tutorial runs from top to bottom; those of drug response need the data folder, the others only the package."""

from pathlib import Path

import pytest

from tests.conftest import DATA

TUTORIALS = sorted((Path(__file__).parents[2] / "tutorials").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda p: p.stem)
def test_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # notebooks run in parallel
    if "SCELLM_DATA_DIR" in path.read_text(encoding="utf-8"):
        pytest.importorskip("rdkit", reason="reads molecules with RDKit")
        if not (DATA / "drug/gdsc2_ic50_pairs.csv.gz").exists():
            pytest.skip("needs the shared data folder; set SCELLM_TEST_DATA")
        monkeypatch.setenv("SCELLM_DATA_DIR", str(DATA))
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
