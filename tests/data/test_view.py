import numpy as np

from scellm.data import Counts, identity


def test_identity_returns_the_same_counts():
    counts = Counts(np.arange(2), np.ones(2), np.array([0, 2]), np.array([2.0]), np.array([0]))
    assert identity(counts, 7) is counts
