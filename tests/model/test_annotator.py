import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scellm.model._annotator import Annotator

TYPES = pd.DataFrame(
    [
        ("CD4 T cell", "CL:0000624", "T cell", "CL:0000084"),
        ("B cell", "CL:0000236", "B cell", "CL:0000236"),
        ("CD8 T cell", "CL:0000625", "T cell", "CL:0000084"),
    ],
    columns=["name", "id", "coarse", "coarse_id"],
    dtype=object,
).assign(min_confidence=0.0)


def make(fine=0.0, coarse=0.0):
    return Annotator(TYPES.assign(min_confidence=fine), coarse)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ((0.7, 0.1, 0.2), ("CD4 T cell", "CL:0000624", 0.7, "T cell")),
        ((0.1, 0.2, 0.7), ("CD8 T cell", "CL:0000625", 0.7, "T cell")),
        ((0.45, 0.1, 0.45), ("T cell", "CL:0000084", 0.9, "T cell")),  # which T cell is not sure
        ((0.3, 0.4, 0.3), ("T cell", "CL:0000084", 0.6, "T cell")),  # the sum counts, not the largest
        ((0.0, 0.9, 0.1), ("B cell", "CL:0000236", 0.9, "B cell")),
        ((0.1, 0.55, 0.35), ("B cell", "CL:0000236", 0.55, "B cell")),  # one level only: the coarse minimum counts
        ((0.3, 0.49, 0.21), ("T cell", "CL:0000084", 0.51, "T cell")),
    ],
)
def test_the_finest_answer_that_is_sure(probabilities, expected):
    found = make(0.6, 0.5).answers(np.array([probabilities], np.float32))
    row = found.iloc[0]
    assert (row["type"], row["id"], row["coarse"]) == (expected[0], expected[1], expected[3])
    assert row["confidence"] == pytest.approx(expected[2])
    assert found["confidence"].dtype == np.float32


def test_below_the_coarse_minimum_it_is_unknown():
    annotator = make(0.9, 0.8)
    row = annotator.answers(np.array([[0.4, 0.3, 0.3]], np.float32)).iloc[0]
    assert (row["type"], row["id"], row["coarse"]) == ("unknown", "", "unknown")
    assert row["confidence"] == pytest.approx(0.7)
    assert annotator.categories == ["CD4 T cell", "B cell", "CD8 T cell", "T cell", "unknown"]
    assert make().categories == ["CD4 T cell", "B cell", "CD8 T cell", "T cell"]


@given(arrays(np.float64, (7, 3), elements=st.floats(0, 5)), st.floats(0, 1), st.floats(0, 1))
def test_what_holds_for_any_probabilities(logits, fine, coarse):
    p = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)
    found = make(fine, coarse).answers(p)
    t, b = p[:, 0] + p[:, 2], p[:, 1]
    assert (found.loc[np.maximum(t, b) < coarse - 1e-6, "type"] == "unknown").all()
    assert set(found.loc[(t > b + 1e-6) & (t > coarse + 1e-6), "coarse"]) <= {"T cell"}
    always = make().answers(p)
    assert not (always["type"] == "unknown").any()
    assert set(always["type"]) <= set(TYPES["name"])


def test_each_type_has_its_own_minimum():
    annotator = Annotator(TYPES.assign(min_confidence=[0.9, 0.0, 0.2]))
    found = annotator.answers(np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], np.float32))
    assert list(found["type"]) == ["T cell", "CD8 T cell"]
    assert annotator.limits == "0 to 0.9 (type), 0 (coarse type)"


def test_plain_names_give_the_most_probable():
    annotator = Annotator.of_names(["x", "y"])
    assert annotator.is_plain
    assert not make().is_plain
    found = annotator.answers(np.array([[0.4, 0.6], [0.9, 0.1]], np.float32))
    assert list(found["type"]) == ["y", "x"]
    assert annotator.categories == ["x", "y"]
    assert list(annotator.with_minimum(0.7).answers(np.array([[0.4, 0.6]], np.float32))["type"]) == ["unknown"]
    assert annotator.with_minimum(None) is annotator


def test_the_card_gives_the_same():
    annotator = make(0.25, 0.5)
    again = Annotator.from_card(annotator.to_card(), "a file")
    pd.testing.assert_frame_equal(again.types, annotator.types)
    assert again.min_coarse == 0.5
    assert Annotator.from_card({}, "a file") is None


GOOD = make().to_card()


@pytest.mark.parametrize(
    "card",
    [
        {"types": []},
        {"types": "B cell"},
        {"types": [{"name": "B cell"}]},
        {"types": [GOOD["types"][0]] * 2},
        {"types": [{**GOOD["types"][0], "id": 3}]},
        {**GOOD, "min_confidence": 2.0},
        {**GOOD, "min_confidence": "high"},
        {"types": [{**GOOD["types"][0], "min_confidence": -1}]},
    ],
)
def test_damaged_cards(card):
    with pytest.raises(ValueError, match=r"weights.safetensors is damaged: its card does not state cell types"):
        Annotator.from_card(card, "weights.safetensors")
