import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from scellm.baselines.drug import DrugMean, RidgePerDrug, TissueDrugMean
from scellm.baselines.drug._base import profiles_of, smiles_of
from tests.responses import make_data


def test_lines_are_found_by_name_in_any_order():
    data = make_data()
    straight = TissueDrugMean().fit(data.lines, data.responses, tissue_key="tissue")
    mixed = TissueDrugMean().fit(data.lines[::-1].copy(), data.responses, tissue_key="tissue")
    pd.testing.assert_frame_equal(straight.predict(data.lines, ["aspirin"]), mixed.predict(data.lines, ["aspirin"]))


def test_bad_responses():
    data = make_data()
    with pytest.raises(ValueError, match="finite responses; found 0"):
        DrugMean().fit(data.lines, data.responses * np.nan)
    with pytest.raises(ValueError, match="finite"):
        DrugMean().fit(data.lines, data.responses.replace(data.responses.iloc[0, 0], np.inf))
    with pytest.raises(KeyError, match="new"):
        DrugMean().fit(data.lines, data.responses).predict(data.lines, ["new"])
    with pytest.raises(ValueError, match="Me needs smiles="):
        smiles_of(None, ["a"], "Me")


def test_lines_and_genes_that_do_not_fit():
    data = make_data()
    with pytest.raises(ValueError, match=r"10 lines of responses have no profile in lines, such as \['L50'"):
        RidgePerDrug().fit(data.lines[:50].copy(), data.responses)
    method = RidgePerDrug().fit(data.lines, data.responses)
    want = method.predict(data.lines, ["aspirin"])
    pd.testing.assert_frame_equal(method.predict(data.lines[:, ::-1].copy(), ["aspirin"]), want)
    with pytest.raises(ValueError, match="lines lack 300 genes that RidgePerDrug learned from"):
        method.predict(data.lines[:, :100].copy(), ["aspirin"])
    data.lines.X[3, 4] = np.nan
    with pytest.raises(ValueError, match="not finite, such as in 'L3'"):
        method.predict(data.lines, ["aspirin"])


def test_sparse_profiles():
    lines = make_data().lines
    dense = profiles_of(lines)
    lines.X = sp.csr_matrix(lines.X)
    np.testing.assert_array_equal(profiles_of(lines), dense)
