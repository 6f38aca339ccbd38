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
