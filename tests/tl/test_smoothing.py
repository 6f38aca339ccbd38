import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from scellm.tl._smoothing import check_smooth, cluster_means, smoothed

GROUPS = np.repeat([0, 1], 20)


@pytest.fixture
def embedding():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(40, 60)) * 0.1 + GROUPS[:, None] * 5).astype(np.float32)


def by_hand(values, embedding, k):
    """Half own, half the mean of the k nearest others, with all distances written out."""
    x = embedding.astype(np.float64)
    out = np.empty_like(values, dtype=np.float64)
    for i in range(len(x)):
        distance = np.square(x - x[i]).sum(1)
        distance[i] = np.inf
        out[i] = (values[i] + values[np.argsort(distance)[:k]].mean(0)) / 2
    return out


def test_it_is_half_own_and_half_the_nearest(embedding):
    few = embedding[:, :4]  # fewer than 50 dimensions: distances are exact
    values = np.random.default_rng(1).random((40, 3)).astype(np.float32)
    found = smoothed(values, few, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_hand(values, few, 3), atol=1e-6)


def test_wide_vectors_are_compared_by_their_components():
    rng = np.random.default_rng(0)
    low = rng.normal(size=(80, 5)).astype(np.float32)
    wide = (low @ np.linalg.qr(rng.normal(size=(70, 70)))[0][:5]).astype(
        np.float32
    )  # the same distances in 70 dimensions
    np.testing.assert_allclose(smoothed(low, wide, 4), by_hand(low, low, 4), atol=1e-5)


def test_neighbours_are_of_the_same_group(embedding):
    values = GROUPS[:, None].astype(np.float32)
    np.testing.assert_allclose(smoothed(values, embedding, 10), values)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_cells_have_few_neighbours(embedding, n):
    some = embedding[:n]
    found = smoothed(some, some, 10)
    expected = some if n == 1 else by_hand(some, some, n - 1)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_cells_that_are_all_alike():
    same = np.ones((6, 4), np.float32)
    np.testing.assert_array_equal(smoothed(same, same, 3), same)


def test_a_cluster_has_its_mean_and_cells_without_one_keep_theirs():
    values = np.array([[1, 0], [0, 1], [0, 1], [1, 0]], np.float32)
    clusters = pd.Series(pd.Categorical(["a", "a", None, "b"]))
    found = cluster_means(values, clusters)
    np.testing.assert_allclose(found, [[0.5, 0.5], [0.5, 0.5], [0, 1], [1, 0]])
    np.testing.assert_array_equal(values[0], [1, 0])  # the input is unchanged
    assert cluster_means(values, pd.Series([None] * 4, dtype=object)) is values


@pytest.mark.parametrize("smooth", [0, -3, 2.5, True, ["leiden"]])
@pytest.mark.parametrize("clusters", [True, False])
def test_what_is_no_number_of_neighbours(smooth, clusters):
    with pytest.raises(ValueError, match=r"number of neighbours \(10 is usual\)"):
        check_smooth(AnnData(np.ones((2, 1))), smooth, clusters=clusters)


def test_columns():
    adata = AnnData(np.ones((2, 1), np.float32), obs=pd.DataFrame({"leiden": ["0", "1"]}, index=["a", "b"]))
    check_smooth(adata, "leiden", clusters=True)
    check_smooth(adata, None, clusters=False)
    check_smooth(adata, np.int64(10), clusters=False)
    with pytest.raises(ValueError, match="is no column of adata"):
        check_smooth(adata, "louvain", clusters=True)
    with pytest.raises(ValueError, match="is not possible"):
        check_smooth(adata, "leiden", clusters=False)
