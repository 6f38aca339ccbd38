import random
import sys

import numpy as np
import torch

import scellm
from scellm.bm._random_seed import random_seed, restore


def draws():
    return random.random(), np.random.random(), float(torch.rand(()))  # noqa: NPY002 - the streams that are meant


def test_all_streams_start_again():
    restore(5)
    first = draws()
    assert draws() != first
    restore(5)
    assert draws() == first
    assert scellm.settings.seed == 5
    assert random_seed() == 5
    restore(None)
    assert draws() != first


def test_without_scvi_there_is_no_seed(monkeypatch):
    monkeypatch.delitem(sys.modules, "scvi")
    assert random_seed() is None
