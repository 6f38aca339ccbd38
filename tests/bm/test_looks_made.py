import warnings

import numpy as np
import pytest

from scellm import bm
from scellm.bm._looks_made import warn_if_made
from tests.reference.methods import Majority, Oracle, types_of


def answers(types, cells, right, rng):
    y = np.repeat([f"t{i:02}" for i in range(types)], cells)
    wrong = rng.permutation(y)
    return {"y_true": y, "m": np.where(rng.random(len(y)) < right, y, wrong)}


def test_many_types_from_few_labels_look_made():
    found, train = answers(40, 20, 0.999, np.random.default_rng(0)), np.repeat([f"t{i}" for i in range(40)], 5)
    with pytest.warns(UserWarning, match=r"'m' has a macro-F1 of (0.99\d|1.000) on 40 types from 5 labelled cells"):
        warn_if_made("x", train, found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_made("x", np.repeat(train, 3), found)  # with 15 cells per type it can be
        warn_if_made("x", train[:100], answers(20, 20, 0.999, np.random.default_rng(0)))
        warn_if_made("x", train, answers(40, 20, 0.9, np.random.default_rng(0)))
        warn_if_made("x", train, {"y_true": found["y_true"]})


def test_labels_in_another_order(cells):
    found = answers(8, 40, 0.0, np.random.default_rng(0))
    with pytest.warns(UserWarning, match="no method is better than guessing"):
        warn_if_made("x", np.array(["t"]), found)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_made("x", np.array(["t"]), {**found, "m": np.full(320, "t01")})  # a method that only guesses is no sign
        task = bm.Task("t", cells, "cell_type", bm.Stratified())
        bm.run([task], {"m": Majority, "o": lambda: Oracle(types_of(cells))}, seeds=1)


def test_a_rare_type_that_is_partly_found_is_no_guess():
    y_true = np.repeat(["a", "b"], [190, 10])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_made("x", y_true[:20], {"y_true": y_true, "m": np.repeat(["a", "b"], [198, 2])})
