import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from scellm.bm.drug import RandomPairs, UnseenDrugs, UnseenLines, UnseenTissues
from scellm.bm.drug._split import groups_of, require_two_sides, share_of

CODE = """
import numpy as np
from scellm.bm.drug import UnseenDrugs, UnseenTissues
from tests.responses import make_data
data = make_data()
for split in (UnseenDrugs(), UnseenTissues(0.4)):
    print(np.packbits(split(data, np.random.default_rng(0))[1]).tobytes().hex())
"""


def test_share_of():
    for n in (2, 3, 10, 101):
        for share in (0.0, 0.2, 1.0):
            assert 1 <= share_of(n, share, np.random.default_rng(0)).sum() <= n - 1


def test_groups_stay_whole():
    labels = pd.Series(np.repeat(list("abcdef"), 10))
    mask = groups_of(labels, 0.34, np.random.default_rng(0))
    assert mask.sum() == 20
    assert pd.Series(mask).groupby(labels).nunique().eq(1).all()


@pytest.mark.parametrize("share", [0, 1, 20, -0.5])
def test_shares_that_are_none(share):
    for split in (UnseenLines, UnseenTissues, UnseenDrugs, RandomPairs):
        with pytest.raises(ValueError, match="must be a share above 0 and below 1"):
            split(share)
    with pytest.raises(ValueError, match=r"test_size \+ validation_size"):
        RandomPairs(0.6, 0.6)


def test_an_empty_side():
    with pytest.raises(ValueError, match="X: 0 responses to learn from and 4 to test"):
        require_two_sides(np.zeros((2, 2), bool), np.ones((2, 2), bool), "X")


@pytest.mark.slow
def test_splits_do_not_depend_on_the_order_of_hashes():
    found = {
        subprocess.run(
            [sys.executable, "-c", CODE],
            env={**__import__("os").environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(found) == 1
