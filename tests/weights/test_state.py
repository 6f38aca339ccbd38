import torch

from scellm.weights._state import describe, misfits, shapes_of


def test_lists_what_does_not_fit():
    given = shapes_of({"a": torch.zeros(2), "b": torch.zeros(3), "x": torch.zeros(1)})
    found = misfits(given, {"a": (2,), "b": (4, 1), "c": (1,)})
    assert found == {"missing": ["c"], "not known": ["x"], "of another shape": ["b (3,), expected (4, 1)"]}
    assert describe(found) == "missing: ['c']; not known: ['x']; of another shape: ['b (3,), expected (4, 1)']"
    assert misfits(given, given) == {}


def test_long_lists_are_cut():
    assert describe({"missing": list("abcdef")}, most=2) == "missing: ['a', 'b'] and 4 more"
