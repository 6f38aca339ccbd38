import numpy as np
import pytest
import torch

import scellm
from scellm.drug import Profiles, Route
from scellm.model._line_features import LineFeatures
from tests.conftest import SMALL
from tests.responses import make_lines

PROFILES = Profiles.of(make_lines(n_lines=20, n_genes=150))
ROUTE = Route.fit(PROFILES, np.arange(20))


@pytest.fixture
def encoder():
    return scellm.CellLM.without_data(**SMALL).module.cell_encoder


def test_expression_is_centred_and_scaled_over_the_training_lines():
    found, x = LineFeatures.fit(ROUTE, None, PROFILES, np.arange(10))
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-5)
    assert found.width == 150
    torch.testing.assert_close(found(PROFILES, np.arange(10)), x)
    with pytest.raises(ValueError, match="no encoder"):
        found.tokens(PROFILES)


def test_tokens_are_deviations_as_bins(encoder):
    found = LineFeatures(ROUTE, encoder, np.zeros(1, np.float32), np.ones(1, np.float32))
    tokens = found.tokens(PROFILES.select(np.array([4])))
    z = ROUTE.deviations(PROFILES.select(np.array([4])))[0]
    kept = z >= -2
    assert tokens.gene.tolist() == ROUTE.genes[kept].tolist()
    assert tokens.bin.tolist() == np.minimum(np.floor(z[kept] + 2), 5).astype(int).tolist()


def test_genes_without_a_column_are_no_tokens(encoder):
    part = Profiles(PROFILES.x[:, :100], PROFILES.genes[:100], "tpm")
    found = LineFeatures(ROUTE, encoder, np.zeros(1, np.float32), np.ones(1, np.float32))
    assert set(found.tokens(part).gene.tolist()) <= set(PROFILES.genes[:100].tolist())


def test_batches_do_not_matter(encoder, monkeypatch):
    found, x = LineFeatures.fit(ROUTE, encoder, PROFILES, np.arange(20))
    monkeypatch.setattr("scellm.model._line_features._BATCH", 3)
    torch.testing.assert_close(found(PROFILES), x, atol=1e-4, rtol=1e-4)
