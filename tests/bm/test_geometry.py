import numpy as np
import pytest

from scellm.bm import geometry


def test_against_loops():
    rng = np.random.default_rng(0)
    x, types = rng.normal(size=(12, 3)) + 1, np.array(["a", "b", "", "a"] * 3)
    unit = [v / np.sqrt((v**2).sum()) for v in x]
    pairs = [(i, j) for i in range(12) for j in range(i)]
    potential = [np.exp(-2 * ((unit[i] - unit[j]) ** 2).sum()) for i, j in pairs]
    same = [((unit[i] - unit[j]) ** 2).sum() for i, j in pairs if types[i] == types[j] != ""]
    expected = {
        "uniformity": np.log(np.mean(potential)),
        "anisotropy": np.mean([unit[i] @ unit[j] for i, j in pairs]),
        "alignment": np.mean(same),
    }
    assert geometry(x, types) == pytest.approx(expected, rel=1e-12)
    assert set(geometry(x)) == {"uniformity", "anisotropy"}


def test_known_shapes():
    assert geometry(np.ones((5, 2)), np.repeat("a", 5)) == pytest.approx(
        {"uniformity": 0, "anisotropy": 1, "alignment": 0}, abs=1e-12
    )
    assert geometry(np.array([[1.0, 0], [-3, 0]]))["anisotropy"] == pytest.approx(-1)


def test_length_does_not_matter_and_large_sets_are_sampled():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3000, 4))
    few = geometry(x, max_cells=500)
    assert geometry(x * rng.uniform(0.1, 9, (3000, 1)), max_cells=500) == pytest.approx(few)
    assert few["uniformity"] == pytest.approx(geometry(x, max_cells=2000)["uniformity"], abs=0.05)


@pytest.mark.parametrize("bad", [np.zeros((3, 2)), np.ones((1, 2)), np.array([[1.0, np.nan], [1, 2]])])
def test_bad_vectors(bad):
    with pytest.raises(ValueError, match="finite and not 0"):
        geometry(bad)


def test_no_type_twice():
    with pytest.raises(ValueError, match="two cells of one type"):
        geometry(np.eye(3), np.array(["a", "b", ""]))


def test_cells_without_a_type_are_no_type():
    x = np.random.default_rng(0).normal(size=(6, 3))
    expected = geometry(x, np.array(["a", "a", "", "", "", ""]))
    assert geometry(x, np.array(["a", "a", None, None, "Unknown", "Unknown"], dtype=object)) == expected
    assert geometry(x, np.array(["a", "a", np.nan, np.nan, None, "Unknown"], dtype=object)) == expected


@pytest.mark.parametrize("options", [{"types": np.array(["a", "a"])}, {"max_cells": 1}])
def test_bad_options(options):
    with pytest.raises(ValueError, match="a type for each cell and max_cells"):
        geometry(np.eye(3), **options)
