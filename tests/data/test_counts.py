import numpy as np

from scellm.data import Counts


def test_keep_moves_the_offsets():
    counts = Counts(
        np.array([1, 2, 3, 4]), np.array([5.0, 6, 7, 8]), np.array([0, 3, 3, 4]), np.array([9.0, 0, 8]), np.arange(3)
    )
    assert counts.cell_of_token.tolist() == [0, 0, 0, 2]
    kept = counts.keep(np.array([True, False, True, False]), np.array([1.0, 2, 3, 4]), counts.total / 2)
    assert kept.gene.tolist() == [1, 3]
    assert kept.count.tolist() == [1, 3]
    assert kept.offsets.tolist() == [0, 2, 2, 2]
    assert kept.cell.tolist() == [0, 1, 2]
    assert kept.total.tolist() == [4.5, 0, 4]
