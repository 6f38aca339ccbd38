import numpy as np
import pytest

import scellm
from tests.conftest import DATA, make_adata


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "eval").mkdir()
    for name in ("pbmc3k", "pbmc_sorted_zheng3500", "pbmc_facs_sorted_zheng3874", "pancreas_atlas", "pc9_erlotinib"):
        adata = make_adata(60)
        adata.obs_names = [f"ACGTACGTACGTA{i:03}" for i in range(60)]
        adata.obs["dataset"] = np.array(["one", "two"])[np.arange(60) % 2]
        if name == "pbmc_facs_sorted_zheng3874":
            adata.obs_names = [f"ACGTACGTACGTA{i:03}-1-0" for i in range(50, 110)]
        if name == "pc9_erlotinib":
            adata.obs["cell_type"] = np.array(["sensitive", "resistant"])[np.arange(60) % 2]
        adata.write_h5ad(tmp_path / "eval" / f"{name}.h5ad")
    return tmp_path


def test_named_tasks(folder):
    (task,) = scellm.datasets.tasks("PBMC3k", folder=folder)
    assert (task.name, task.labels_key) == ("PBMC3k", "cell_type")
    first, second = scellm.datasets.tasks(["sorted Zheng"], folder=folder)
    assert (first.adata.n_obs, second.adata.n_obs) == (60, 50)  # ten barcodes are in both
    across = scellm.datasets.tasks("pancreas across studies", folder=folder)
    assert [t.name for t in across] == ["pancreas, one left out", "pancreas, two left out"]
    train, _, test = across[0].rows(0)
    assert set(across[0].adata.obs["dataset"].iloc[test]) == {"one"}
    assert set(across[0].adata.obs["dataset"].iloc[train]) == {"two"}
    (pc9,) = scellm.datasets.tasks("PC9, which library", folder=folder)
    assert set(pc9.types(pc9.adata)) == {"control", "erlotinib"}


def test_files_that_are_not_there(folder, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"lung_lca1000.h5ad is not at hand.*set SCELLM_DATA_DIR"):
        scellm.datasets.tasks("lung", folder=folder)
    with pytest.raises(ValueError, match="names='heart'"):
        scellm.datasets.tasks("heart", folder=folder)
    monkeypatch.setitem(scellm.datasets.TASKS, "Baron, donor 1", scellm.datasets.TASKS["lung"])  # not over the net
    monkeypatch.setenv("SCELLM_DATA_DIR", str(folder))
    names = [t.name for t in scellm.datasets.tasks()]
    assert names[0] == "PBMC3k"
    assert "lung" not in names
    assert "pancreas, one left out" in names


def test_all_tasks_of_the_data_folder():
    if not (DATA / "eval").exists():
        pytest.skip("needs eval/ of the shared data folder; set SCELLM_TEST_DATA")
    found = scellm.datasets.tasks(folder=DATA)
    assert len(found) == 14
    for task in found:
        train, _, test = task.rows(0)
        assert len(train) > 100
        assert len(test) > 50
