from dataclasses import replace

import numpy as np
import pytest

import scellm
from scellm.model._plan_costs import embedding_cost
from scellm.model._plan_sample import sample_of
from tests.conftest import QUIET, make_adata


@pytest.mark.parametrize("contrast", ["end-to-end", "moco", None])
def test_every_contrast_can_be_planned(small, contrast):
    found = scellm.plan(
        make_adata(20), small, task="pretrain", max_steps=2, batch_size=8, contrast=contrast, budget=0.5, **QUIET
    )
    assert found.steps == 2


def test_memory_counts_what_is_returned_and_kept(small):
    adata = make_adata(60)
    sample = replace(sample_of(adata, 0), bins_in_memory=False)
    model = sample.model(small)
    one = embedding_cost(model, sample, 0.2, types=False)
    many = embedding_cost(model, replace(sample, cells=10**7), 0.2, types=False)
    width = small.module.config.cell_dim
    assert many.memory - one.memory > 0.9 * 4 * width * 10**7
    answers = embedding_cost(model, replace(sample, cells=10**9), 0.2, types=True)
    assert answers.memory < many.memory + (1 << 30)
    lengths = sample.lengths(model)
    np.testing.assert_array_equal(np.sort(lengths), np.sort(np.diff(adata.X.indptr)))


def test_time_to_prepare_and_memory_of_bins_count(small):
    adata = make_adata(60)
    sample = sample_of(adata, 0)
    assert sample.seconds_to_prepare > 0
    assert sample.bins_in_memory
    model = sample.model(small)
    slow = replace(sample, seconds_to_prepare=1000.0, cells=10**8)
    lean = replace(slow, bins_in_memory=False)
    one, other = (embedding_cost(model, s, 0.2, types=False) for s in (slow, lean))
    assert one.seconds > 1000
    assert one.memory - other.memory > 4 * sample.lengths(model).mean() * 10**8
    scellm.pp.prepare(adata)
    ready = sample_of(adata, 0)
    assert ready.seconds_to_prepare == 0
    assert not ready.bins_in_memory
