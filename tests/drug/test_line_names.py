import pandas as pd
import pytest

from scellm.drug._line_names import places_of_lines


def test_exact_first_then_letters_and_digits():
    lines = pd.Index(["NCIH1975", "A549", "T-T", "TT"])
    names = pd.Series(["NCI-H1975", "a549", "TT", "T-T", "t.t", "HeLa", None])
    assert places_of_lines(names, lines).tolist() == [0, 1, 3, 2, -1, -1, -1]  # "t.t" could be two lines


def test_no_line_is_found():
    with pytest.raises(ValueError, match=r"responses name \['ACH-1'\], profiles \['A549'\].*line_key="):
        places_of_lines(pd.Series(["ACH-1"]), pd.Index(["A549"]))


def test_two_lines_are_not_merged():
    lines = pd.Index(["TT", "KM-H2"])
    assert places_of_lines(pd.Series(["TT", "T-T", "KMH-2"]), lines).tolist() == [0, -1, 1]
    assert places_of_lines(pd.Series(["TT", "KMH2", "KMH-2"]), lines).tolist() == [0, -1, -1]


def test_numbers_are_not_mixed_up():
    lines = pd.Index(["1", "10", "2.5"])
    assert places_of_lines(pd.Series([1.0, 10.0, None]), lines).tolist() == [0, 1, -1]
    assert places_of_lines(pd.Series(["1.0", "1", "25"]), lines).tolist() == [-1, 0, -1]
