import numpy as np
import pandas as pd
import pytest

from scellm.drug import Responses
from tests.responses import SMILES, make_lines, make_pairs, make_table

LINES = pd.Index(["A", "B", "C"])


def pairs(**columns):
    return pd.DataFrame({"line": ["A", "B", "A"], "drug": ["x", "x", "y"], "value": [1.0, 2.0, 3.0], **columns})


def test_repeats_are_averaged_and_counted():
    twice = pd.concat([pairs(), pairs(value=[3.0, 2.0, 3.0])])
    found = Responses.of(twice, LINES)
    assert found.table.loc["A", "x"] == 2.0
    assert found.n_repeats.loc["A", "x"] == 2
    assert np.isnan(found.table.loc["B", "y"])
    assert found.n_repeats.loc["B", "y"] == 0
    assert found.report.startswith("3 responses of 2 lines to 2 drugs; 3 repeats averaged")


def test_names_of_one_molecule_are_joined():
    pytest.importorskip("rdkit", reason="reads molecules with RDKit")
    smiles = pd.Series({"x": "OC(=O)c1ccccc1O", "y": "c1ccc(O)c(c1)C(O)=O", "other": "C"})
    found = Responses.of(pairs(), LINES, smiles=smiles)
    assert list(found.table.columns) == ["x"]
    assert found.synonyms == {"y": "x"}
    assert found.table.loc["A", "x"] == 2.0  # the mean of 1 and 3
    assert list(found.smiles.index) == ["x"]


def test_the_order_of_rows_does_not_matter():
    long = make_pairs(make_table(make_lines()))
    lines = make_lines().obs_names
    one = Responses.of(long, lines)
    other = Responses.of(long.sample(frac=1, random_state=0), lines)
    pd.testing.assert_frame_equal(one.table, other.table)


def test_what_is_left_out_is_said():
    long = pairs(line=["A", "Z", "A"], value=[1.0, 2.0, None])
    found = Responses.of(long, LINES)
    assert "1 rows of 1 lines without a profile, such as ['Z']" in found.report
    assert "1 rows without a value" in found.report


def test_bad_pairs():
    with pytest.raises(KeyError, match=r"lack the columns \['value'\]"):
        Responses.of(pairs().drop(columns="value"), LINES)
    with pytest.raises(ValueError, match="value_kind='ic50' is not known"):
        Responses.of(pairs(), LINES, kind="ic50")
    with pytest.raises(ValueError, match="No response is left"):
        Responses.of(pairs(value=np.nan), LINES)
    with pytest.raises(ValueError, match="no finite numbers, such as inf of A and x"):
        Responses.of(pairs(value=[np.inf, 1, 2]), LINES)


def test_what_is_no_table():
    with pytest.raises(TypeError, match="must be a DataFrame"):
        Responses.of({"line": ["A"]}, LINES)
    with pytest.raises(TypeError, match="a column twice"):
        Responses.of(pd.concat([pairs(), pairs()[["line"]]], axis=1), LINES)


def test_a_drug_twice_in_smiles():
    with pytest.raises(ValueError, match="smiles holds 'x' several times"):
        Responses.of(pairs(), LINES, smiles=pd.Series(["C", "CC"], index=["x", "x"]))


def test_other_columns_and_no_smiles():
    renamed = pairs().rename(columns={"line": "cell", "drug": "compound", "value": "LN_IC50"})
    found = Responses.of(renamed, LINES, line="cell", drug="compound", value="LN_IC50")
    assert (found.smiles == "").all()
    assert len(SMILES) > 2
