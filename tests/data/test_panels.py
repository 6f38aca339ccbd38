import numpy as np
import pytest

from scellm.data import Panels
from tests.data.test_pseudo_clusters import groups


def test_no_gene_is_in_both_views_of_any_cell():
    counts, _ = groups(60)
    first, second = Panels().pair(counts, key=3)
    assert not set(first.gene) & set(second.gene)
    assert len(set(first.gene)) == pytest.approx(150, abs=40)
    assert len(first.cell) == len(second.cell) == 60
    np.testing.assert_array_equal(Panels()(counts, 3).gene, first.gene)


def test_counts_are_thinned_and_totals_are_those_of_all_genes():
    counts, _ = groups(60)
    first, second = Panels(0.5, 0.5).pair(counts, key=1)
    both = sum(np.add.reduceat(v.count, v.offsets[:-1]) for v in (first, second))
    assert both.mean() == pytest.approx(counts.total.mean() / 2, rel=0.05)
    assert first.total.mean() == pytest.approx(counts.total.mean() / 2, rel=0.05)
    whole = Panels(1.0, 1.0).pair(counts, key=1)
    np.testing.assert_array_equal(whole[0].total, counts.total)
    assert sum(v.count.sum() for v in whole) == counts.count.sum()


def test_another_key_gives_other_panels_and_a_cell_does_not_depend_on_its_batch():
    counts, _ = groups(60)
    first, other = (set(Panels().pair(counts, key)[0].gene) for key in (1, 2))
    assert len(first & other) < 0.7 * len(first)
    part = counts.keep(counts.cell_of_token < 20, counts.count, counts.total)
    again = Panels().pair(part, 1)[0]
    n = again.offsets[20]
    np.testing.assert_array_equal(again.gene[:n], Panels().pair(counts, 1)[0].gene[:n])


def test_shares_are_checked():
    with pytest.raises(ValueError, match="0 < low <= high <= 1"):
        Panels(0.9, 0.4)
