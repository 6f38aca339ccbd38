import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scellm._labels import MISSING_WORDS, Labels


def labels(values, unlabeled="Unknown", quiet=True):
    return Labels.of(pd.DataFrame({"t": values}), "t", unlabeled, quiet=quiet)


def test_missing_values_words_spaces_and_numbers():
    found = labels(["B ", " B", "", " ", None, np.nan, "unknown", "NA", "Unassigned", "T/NK"])
    assert found.names.tolist() == ["B", "B", *[""] * 7, "T/NK"]
    assert found.types == {"B": 2, "T/NK": 1}
    assert found.words == {"missing values": 4, "unknown": 1, "NA": 1, "Unassigned": 1}
    assert found.n_unlabelled == 7
    assert "2 types: B (2), T/NK (1); 7 cells unlabelled" in found.describe()


@pytest.mark.parametrize(
    ("values", "want"),
    [
        ([3.0, np.nan, 1.0], ["3", "", "1"]),
        ([3, 1, -1], ["3", "1", ""]),
        ([True, False, True], ["True", "False", "True"]),
        (pd.Categorical(["a", None, "a"], categories=["a", "unused"]), ["a", "", "a"]),
        (pd.array(["a", pd.NA, "b"], dtype="string"), ["a", "", "b"]),
        (pd.array([1, pd.NA, 2], dtype="Int64"), ["1", "", "2"]),
    ],
)
def test_columns_of_any_dtype(values, want):
    assert labels(values, unlabeled=-1).names.tolist() == want


@pytest.mark.parametrize("unlabeled", ["-1", -1, -1.0, ["-1", "x"]], ids=["text", "int", "float", "list"])
def test_the_word_of_the_user_in_any_type(unlabeled):
    assert labels([-1, 2, 3], unlabeled).names.tolist() == ["", "2", "3"]


@pytest.mark.parametrize("unlabeled", [None, np.nan])
def test_no_word_of_the_user(unlabeled):
    assert labels(["a", "-1"], unlabeled).names.tolist() == ["a", "-1"]


def test_what_is_guessed_is_said():
    with pytest.warns(UserWarning, match=r"'unknown' \(2 cells\) taken for unlabelled"):
        labels(["unknown", "unknown", "a"], "mine", quiet=False)
    with pytest.warns(UserWarning, match=r"differ by case only, \['B cell', 'b cell'\]"):
        labels(["B cell", "b cell"], quiet=False)
    labels(["mine", None, "a"], "mine", quiet=False)  # nothing is guessed: no warning


def test_bad_columns():
    with pytest.raises(KeyError, match="'x' is not in obs"):
        Labels.of(pd.DataFrame({"t": [1]}), "x")
    with pytest.raises(ValueError, match="2 columns called 't'"):
        Labels.of(pd.DataFrame([[1, 2]], columns=["t", "t"]), "t")
    with pytest.raises(ValueError, match=r"numbers with decimals, such as 0\.5"):
        labels([0.5, 1.0])


WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
# Pandas hashes a text up to its first NUL, as HDF5 stores it: "" and "\0" are one word to both.


@given(st.lists(WORDS, min_size=1, max_size=20))
def test_a_label_is_the_stripped_word_or_nothing(words):
    for word, name in zip(words, labels(words).names, strict=True):
        missing = word.strip().casefold() in MISSING_WORDS
        assert name == ("" if missing else word.strip())
