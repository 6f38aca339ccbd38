from dataclasses import dataclass

import numpy as np
import pytest

from scellm.bm.drug._share_split import ShareSplit
from tests.responses import make_data


@dataclass(frozen=True)
class FirstLines(ShareSplit):
    def tested(self, data, rng):
        return (np.arange(len(data.responses)) < self.test_size * len(data.responses))[:, None]


@dataclass(frozen=True)
class Nothing(ShareSplit):
    def tested(self, data, rng):
        return np.zeros((1, 1), bool)


def test_a_subclass_says_what_is_tested():
    data = make_data()
    train, test = FirstLines(0.25)(data, np.random.default_rng(0))
    assert test.any(1).tolist() == [i < 15 for i in range(60)]
    assert ((train | test) == data.known).all()
    assert not (train & test).any()


def test_the_name_is_in_the_message():
    with pytest.raises(ValueError, match=r"FirstLines\(test_size\) must be a share"):
        FirstLines(2)
    with pytest.raises(ValueError, match=r"Nothing: .* and 0 to test"):
        Nothing()(make_data(), np.random.default_rng(0))
