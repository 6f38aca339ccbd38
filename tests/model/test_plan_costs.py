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
    sample = sample_of(adata, 0)
    model = sample.model(small)
    one = embedding_cost(model, sample, 0.2, types=False)
    many = embedding_cost(model, type(sample)(sample.adata, 10**7, is_ready=True), 0.2, types=False)
    width = small.module.config.cell_dim
    assert many.memory - one.memory > 0.9 * 4 * width * 10**7
    answers = embedding_cost(model, type(sample)(sample.adata, 10**9, is_ready=True), 0.2, types=True)
    assert answers.memory < many.memory + (1 << 30)
    lengths = sample.lengths(model)
    np.testing.assert_array_equal(np.sort(lengths), np.sort(np.diff(adata.X.indptr)))
