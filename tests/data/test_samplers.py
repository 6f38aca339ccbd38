import numpy as np

from scellm.data._samplers import RandomSampler, StepSampler
from scellm.data._source_balanced_sampler import SourceBalancedSampler


def test_the_sampler_starts_anywhere(corpus):
    rows = SourceBalancedSampler(np.arange(len(corpus)), corpus.arrays["source"], 0.5)
    whole, late = list(StepSampler(rows, 16, 11, seed=2)), list(StepSampler(rows, 16, 11, seed=2, start=7))
    for (a, x), (b, y) in zip(whole[7:], late, strict=True):
        assert a == b
        np.testing.assert_array_equal(x, y)


def test_sampler_resumes_at_any_step():
    rows = np.arange(100, 123)
    whole = list(StepSampler(RandomSampler(rows), 5, 13, seed=2))
    assert [s for s, _ in whole] == list(range(13))
    late = list(StepSampler(RandomSampler(rows), 5, 13, seed=2, start=6))
    assert all(s == t and np.array_equal(a, b) for (s, a), (t, b) in zip(whole[6:], late, strict=True))
    epoch = np.concatenate([r for _, r in whole[:4]])
    assert len(np.unique(epoch)) == 20
    assert set(epoch) <= set(rows)
    assert not np.array_equal(whole[0][1], whole[4][1])
