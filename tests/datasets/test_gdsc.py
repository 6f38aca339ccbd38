from dataclasses import replace

import pandas as pd
import pytest

import scellm
from scellm.datasets import _gdsc

COLUMNS = [
    "DATASET",
    "NLME_RESULT_ID",
    "CELL_LINE_NAME",
    "SANGER_MODEL_ID",
    "DRUG_ID",
    "DRUG_NAME",
    "MAX_CONC",
    "LN_IC50",
    "AUC",
    "Z_SCORE",
]


@pytest.fixture
def release(public, monkeypatch):
    files = {k: replace(v, sha256=None) for k, v in _gdsc.RELEASES.items()}
    monkeypatch.setattr(_gdsc, "RELEASES", files)
    return public / files[2].name


def test_columns_in_our_words(release):
    pytest.importorskip("openpyxl")
    pd.DataFrame([["GDSC2", 1, "A-375", "SIDM1", 1003, "Camptothecin", 0.1, -1.5, 0.9, 0.4]], columns=COLUMNS).to_excel(
        release, index=False, sheet_name="Sheet1"
    )
    table = scellm.datasets.gdsc(2)
    assert table.iloc[0].to_dict() == {
        "line": "SIDM1",
        "line_name": "A-375",
        "drug_id": 1003,
        "drug": "Camptothecin",
        "ln_ic50": -1.5,
        "auc": 0.9,
        "z_score": 0.4,
        "max_conc": 0.1,
    }


def test_another_layout_and_release(release):
    pytest.importorskip("openpyxl")
    pd.DataFrame({"DRUG": ["a"]}).to_excel(release, index=False)
    with pytest.raises(ValueError, match=r"lacks \['SANGER_MODEL_ID'.*it holds \['DRUG'\]"):
        scellm.datasets.gdsc(2)
    with pytest.raises(ValueError, match="release=3"):
        scellm.datasets.gdsc(3)


def test_without_openpyxl(release, monkeypatch):
    release.write_bytes(b"x")
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(ImportError, match=r"pip install 'scellm\[drug\]'"):
        scellm.datasets.gdsc(2)
