import numpy as np
import pytest

from scellm.train import class_weights


def test_every_way():
    codes, types = np.array([0, 0, 0, 1]), ["a", "b"]
    assert class_weights(None, codes, types) is None
    np.testing.assert_allclose(class_weights("balanced", codes, types), [0.5, 1.5])
    np.testing.assert_allclose(class_weights("paper-code", codes, types), np.array([1 / 16, 9 / 16]) / (10 / 32))
    np.testing.assert_allclose(class_weights({"a": 1, "b": 3}, codes, types), [0.5, 1.5])


def test_a_type_without_cells_has_no_part_in_the_mean():
    np.testing.assert_allclose(class_weights("balanced", np.array([0, 0, 1]), ["a", "b", "c"])[:2].mean(), 1)


def test_bad_ones():
    codes, types = np.array([0, 0, 0, 1]), ["a", "b"]
    with pytest.raises(ValueError, match="no weight for \\['b'\\]"):
        class_weights({"a": 1}, codes, types)
    with pytest.raises(ValueError, match="class_weights='x'"):
        class_weights("x", codes, types)
