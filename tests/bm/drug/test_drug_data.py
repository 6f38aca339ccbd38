import pandas as pd
import pytest

from scellm.bm.drug import DrugData
from tests.responses import SMILES, make_data, make_lines, make_table


def test_molecules_are_smiles_or_names():
    data = make_data()
    assert data.molecules["aspirin"] == SMILES["aspirin"]
    assert DrugData(data.lines, data.responses).molecules["aspirin"] == "aspirin"
    assert data.known.shape == data.responses.shape
    assert data.profiles(data.responses.index[[3, 1]]).obs_names.tolist() == ["L3", "L1"]


def test_bad_data():
    lines = make_lines()
    table = make_table(lines)
    with pytest.raises(ValueError, match=r"1 lines of responses have no profile .*'new'"):
        DrugData(lines, pd.concat([table, table.iloc[:1].set_axis(["new"])]))
    with pytest.raises(ValueError, match=r"responses.index holds 'L0' several times"):
        DrugData(lines, pd.concat([table, table.iloc[:1]]))
    with pytest.raises(ValueError, match=r"responses.columns holds 'aspirin' several times"):
        DrugData(lines, pd.concat([table, table[["aspirin"]]], axis=1))
    with pytest.raises(ValueError, match="tissue_key=None"):
        _ = DrugData(lines, table).tissues
