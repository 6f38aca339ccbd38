import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from scellm.data import Counts
from scellm.data import _pseudo_clusters as module
from scellm.data._pseudo_clusters import n_clusters, pseudo_clusters

GENES = 300


def clusters(counts):
    read = lambda rows: Counts.gather(counts.gene, counts.count, counts.offsets, counts.total, rows)
    return pseudo_clusters(read, len(counts.cell), GENES)


def groups(n=200, seed=0):
    """Cells of four kinds, each with genes of its own."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(4, size=n)
    rate = np.full((4, GENES), 0.3)
    for i in range(4):
        rate[i, 50 * i : 50 * i + 50] = 4
    x = rng.poisson(rate[kind])
    row, gene = np.nonzero(x)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])
    return Counts(
        gene.astype(np.int32), x[row, gene].astype(np.float32), offsets, x.sum(1).astype(float), np.arange(n)
    ), kind


@pytest.mark.parametrize(("cells", "wanted"), [(0, 1), (7, 1), (8, 2), (302, 9), (4000, 32), (10**6, 60)])
def test_number_of_clusters(cells, wanted):
    assert n_clusters(cells) == wanted


def test_clusters_hold_cells_of_one_kind():
    counts, kind = groups()
    found = clusters(counts)
    assert found.shape == (200,)
    assert len(np.unique(found)) == n_clusters(200)
    purity = sum(np.bincount(kind[found == c]).max() for c in np.unique(found)) / 200
    assert purity > 0.98
    np.testing.assert_array_equal(found, clusters(counts))


def test_most_cells_are_assigned_to_clusters_of_a_sample(monkeypatch):
    counts, _ = groups()
    whole = clusters(counts)
    monkeypatch.setattr(module, "_FITTED", 120)
    monkeypatch.setattr(module, "_BLOCK", 33)
    assert adjusted_rand_score(whole, clusters(counts)) > 0.3
    monkeypatch.setattr(module, "_FITTED", 10**6)
    np.testing.assert_array_equal(whole, clusters(counts))  # blocks change nothing


def test_depth_does_not_make_clusters():
    counts, kind = groups()
    deep = Counts(counts.gene, counts.count * 5, counts.offsets, counts.total * 5, counts.cell)
    np.testing.assert_allclose(
        adjusted_rand_score(kind, clusters(deep)),
        adjusted_rand_score(kind, clusters(counts)),
        atol=0.2,
    )


@pytest.mark.parametrize("n", [0, 1, 5])
def test_few_cells_are_one_cluster(n):
    counts, _ = groups(max(n, 1))
    if not n:
        counts = Counts(counts.gene[:0], counts.count[:0], np.zeros(1, int), counts.total[:0], counts.cell[:0])
    assert clusters(counts).tolist() == [0] * n


def test_cells_without_a_gene():
    counts, _ = groups(30)
    kept = np.repeat(np.arange(30) > 2, np.diff(counts.offsets))
    found = clusters(counts.keep(kept, counts.count, counts.total * (np.arange(30) > 2)))
    assert len(set(found[:3])) == 1
