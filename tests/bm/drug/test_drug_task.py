import numpy as np
import pandas as pd
import pytest

from scellm.bm.drug import DrugData, DrugTask, UnseenDrugs, UnseenLines
from tests.responses import make_data


def test_a_fold_learns_nothing_that_is_tested():
    data = make_data()
    fold = DrugTask("x", data).draw(0)
    assert not set(fold.learned.index) & set(fold.truth.index)
    np.testing.assert_allclose(fold.drug_mean, data.responses.loc[fold.learned.index].mean()[fold.truth.columns])
    assert (fold.shift == 0).all()


def test_another_assay_judges_on_the_pairs_that_both_know():
    data = make_data()
    other = data.responses + 3.0
    other.iloc[:5] = np.nan
    other = other.drop(columns="aspirin")
    task = DrugTask("x", data, UnseenLines(), other)
    assert "aspirin" not in task.data.responses
    assert not set(task.data.responses.index) & {"L0", "L4"}
    fold = task.draw(1)
    pd.testing.assert_frame_equal(fold.truth, other.loc[fold.truth.index, fold.truth.columns].where(fold.truth.notna()))
    np.testing.assert_allclose(fold.shift, 3.0)  # the assays' means differ by three


def test_a_drug_that_only_tested_lines_know_is_left_out():
    data = make_data()
    fold = DrugTask("x", data).draw(0)
    table = data.responses.copy()
    table.loc[fold.learned.index, "aspirin"] = np.nan
    again = DrugTask("x", DrugData(data.lines, table, data.smiles, "tissue")).draw(0)
    assert "aspirin" not in again.truth


def test_unseen_drugs_have_the_mean_of_all():
    fold = DrugTask("x", make_data(), UnseenDrugs(0.3)).draw(0)
    assert not set(fold.learned.columns) & set(fold.truth.columns)
    np.testing.assert_allclose(fold.drug_mean, np.nanmean(fold.learned.to_numpy()))


def test_assays_without_a_shared_pair():
    data = make_data()
    with pytest.raises(ValueError, match="share no pair"):
        DrugTask("x", data, UnseenLines(), data.responses.add_prefix("new "))
