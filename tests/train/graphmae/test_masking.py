import numpy as np
import pytest
import torch

from scellm.train.graphmae._masking import draw_masking


@pytest.mark.parametrize("replace", [0.0, 0.05, 0.5])
def test_masking_hides_every_gene_that_it_scores(replace):
    generator = torch.Generator().manual_seed(0)
    candidates = torch.arange(5, 45)
    masking = draw_masking(candidates, 50, 0.5, replace, generator)
    assert len(masking.rows) == 20
    assert len(masking.rows.unique()) == 20
    assert len(masking.replaced) == round(20 * replace)
    assert set(masking.rows.tolist()) <= set(candidates.tolist())
    assert not (masking.by == masking.replaced).any()
    x = torch.arange(50.0)[:, None]
    hidden = masking.hide(x, torch.tensor([-1.0]))
    assert (hidden[masking.rows] != x[masking.rows]).all()
    rest = np.setdiff1d(np.arange(50), masking.rows)
    assert (hidden[rest] == x[rest]).all()
