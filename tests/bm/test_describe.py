import functools
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scellm
from scellm.bm._describe import describe
from tests.conftest import SMALL
from tests.reference.methods import Majority

EVEN = np.zeros(5000, int)
ODD = EVEN.copy()
ODD[2500] = 1


def holding(value):
    return lambda: Majority() if value is None else value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 2),
        (EVEN, ODD),
        (pd.DataFrame({"a": EVEN}), pd.DataFrame({"a": ODD})),
        ({"a": [1, EVEN]}, {"a": [1, ODD]}),
        (lambda: 1, lambda: 2),
    ],
)
def test_values_that_a_function_holds(one, other):
    assert describe(holding(one)) == describe(holding(one))
    assert describe(holding(one)) != describe(holding(other))
    assert describe(functools.partial(Majority, one)) != describe(functools.partial(Majority, other))


class Factory:
    def __init__(self, word):
        self.word = word

    def make(self):
        return self.word


def test_methods_of_objects_and_models(prepared):
    assert describe(Factory("a").make) == describe(Factory("a").make)
    assert describe(Factory("a").make) != describe(Factory("b").make)
    models = [scellm.CellLM(prepared, **SMALL).module for _ in range(2)]
    assert describe(holding(models[0])) != describe(holding(models[1]))


def module_of(text):
    module = types.ModuleType("notebook")
    sys.modules["notebook"] = module
    exec(text, module.__dict__)
    return module


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("class M:\n def fit(self): return 1", "class M:\n def fit(self): return 2"),
        ("class M:\n k = 1", "class M:\n k = 2"),
        ("def h(): return 1\ndef M(): return h()", "def h(): return 2\ndef M(): return h()"),
        ("class B:\n k = 1\nclass M(B): pass", "class B:\n k = 2\nclass M(B): pass"),
        (
            "def h(): return 1\nclass M:\n def f(self): return h()",
            "def h(): return 2\nclass M:\n def f(self): return h()",
        ),
        ("import numpy as np\nA = np.zeros(9)\nM = lambda: A", "import numpy as np\nA = np.ones(9)\nM = lambda: A"),
        ("K = 1\nM = lambda: K", "K = 2\nM = lambda: K"),
        ("M = lambda: [1 for _ in 'a']", "M = lambda: [2 for _ in 'a']"),
    ],
)
def test_what_a_notebook_defined_again(before, after):
    first = describe(module_of(before).M)
    assert describe(module_of("\n\n" + before).M) == first  # its line does not matter
    assert describe(module_of(after).M) != first
    del sys.modules["notebook"]


def test_a_function_that_calls_itself():
    def loop(n):
        return loop(n - 1) if n else 0

    assert describe(loop) == describe(loop)


def test_what_cannot_be_hashed():
    with Path(__file__).open() as file, pytest.raises(ValueError, match=r"A method holds TextIOWrapper.*cache=None"):
        describe(holding(file))


def test_the_same_in_every_process():
    text = "from tests.bm.test_describe import words; from scellm.bm._describe import describe; print(describe(words))"
    found = {
        subprocess.run(
            [sys.executable, "-c", text], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def words():
    return "a" in {"a", "b", "c", "d"}
