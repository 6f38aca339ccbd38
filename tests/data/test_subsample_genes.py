import numpy as np
import pytest

from scellm.data import Counts, SubsampleGenes


def test_drops_a_share_of_the_genes_and_keeps_the_rest_as_it_is():
    n = 20_000
    counts = Counts(np.arange(n), np.arange(1, n + 1), np.array([0, n]), np.array([5.0]), np.array([3]))
    view = SubsampleGenes(0.3)(counts, key=11)
    assert len(view.gene) / n == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(view.count, view.gene + 1)
    assert view.total.tolist() == [5.0]
    np.testing.assert_array_equal(view.gene, SubsampleGenes(0.3)(counts, key=11).gene)
    assert len(SubsampleGenes(1)(counts, key=11).gene) == n
