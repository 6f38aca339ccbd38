import pickle

import numpy as np

from scellm.data import Corpus


def test_any_order_of_rows(corpus):
    rows = np.array([30, 2, 50, 2])
    many = corpus.counts(rows)
    for i, row in enumerate(rows):
        one = corpus.counts(np.array([row]))
        at = slice(many.offsets[i], many.offsets[i + 1])
        np.testing.assert_array_equal(many.gene[at], one.gene)
        np.testing.assert_array_equal(many.count[at], one.count)
    assert corpus.counts(np.zeros(0, int)).offsets.tolist() == [0]


def test_malignancy(corpus):
    origin, source = corpus.arrays["malignancy"], corpus.arrays["source"]
    assert set(origin[source == 0]) == {0, 1}
    assert set(origin[source == 2]) == {-1}, "a file without the column"


def test_it_can_be_opened_again_and_sent_to_workers(corpus):
    for again in (Corpus(corpus.folder), pickle.loads(pickle.dumps(corpus))):
        assert len(again) == len(corpus)
        np.testing.assert_array_equal(again.counts(np.arange(5)).gene, corpus.counts(np.arange(5)).gene)
    assert "3 sources" in repr(corpus)


def test_split_keeps_a_share_of_every_source(corpus):
    train, aside = corpus.split(0.2, seed=3)
    assert set(train).isdisjoint(aside)
    assert len(train) + len(aside) == len(corpus)
    source = corpus.arrays["source"]
    for s in range(3):
        assert (source[aside] == s).sum() == max(round(0.2 * (source == s).sum()), 1)
    np.testing.assert_array_equal(aside, corpus.split(0.2, seed=3)[1])
    assert len(corpus.split(0.0)[1]) == 0


def test_drawn_rows(corpus):
    rows = corpus.sample(40, power=0.0, seed=2)
    assert len(rows) == 40
    assert (np.diff(rows) >= 0).all()
    assert len(corpus.sample(10**6)) == len(corpus)
    some = np.flatnonzero(corpus.arrays["source"] == 1)
    assert set(corpus.sample(5, indices=some)) <= set(some)
