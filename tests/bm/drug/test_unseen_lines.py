import numpy as np

from scellm.bm.drug import UnseenLines
from tests.responses import make_data


def test_a_tested_line_has_no_pair_to_learn_from():
    data = make_data()
    train, test = UnseenLines(0.25)(data, np.random.default_rng(0))
    assert not (train.any(1) & test.any(1)).any()
    assert test.any(1).sum() == 15
    assert ((train | test) == data.known).all()
