import numpy as np
import pandas as pd
import pytest
import torch

from scellm.train.graphmae import make_graphmae, spectral_features, train
from scellm.train.graphmae._features import LearnedTable
from tests.reference.ring import CONFIG

pyg = pytest.mark.skipif(
    "not __import__('importlib').util.find_spec('torch_geometric')",
    reason="torch_geometric is not installed: pip install 'scellm[graph]'",
)


SMALL = {"dim": 16, "heads": 2, "n_features": 8, "max_epochs": 30, "progress_bar": False}


@pyg
@pytest.mark.parametrize("features", ["svd", "identity"])
def test_features_by_name(network, features):
    assert np.isfinite(train(network, features=features, **SMALL).loc[network.symbols].to_numpy()).all()


@pyg
def test_features_of_the_user(network, symbols):
    rng = np.random.default_rng(0)
    given = pd.DataFrame(rng.normal(size=(60, 4)), index=symbols[100:160][::-1])
    learned = train(network, features=given, **SMALL)
    shuffled = train(network, features=given.sample(frac=1, random_state=0), **SMALL)
    np.testing.assert_allclose(learned.loc[network.symbols], shuffled.loc[network.symbols], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="has no row for 2 genes of the network"):
        train(network, features=given.iloc[2:], **SMALL)
    with pytest.raises(ValueError, match="missing or infinite"):
        train(network, features=given.replace(given.iloc[0, 0], np.nan), **SMALL)
    with pytest.raises(ValueError, match="features='onehot' is not known"):
        train(network, features="onehot", **SMALL)


def test_spectral_features_against_a_dense_decomposition(network):
    found = spectral_features(network, 10)
    assert found.shape == (60, 11)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(0), 1, atol=1e-4)
    a = network.adjacency().toarray()
    d = (a.sum(0) + 1) ** -0.5
    left, value, _ = np.linalg.svd(d[:, None] * (a + np.eye(60)) * d)
    dense = left[:, :4] * np.sqrt(value[:4])
    dense = (dense - dense.mean(0)) / dense.std(0)
    for k in range(4):
        assert abs(np.corrcoef(dense[:, k], found[:, k])[0, 1]) > 0.999
    np.testing.assert_array_equal(found, spectral_features(network, 10))


def test_the_cosine_is_that_with_one_hot_vectors(backend, path):
    torch.manual_seed(0)
    features = LearnedTable(7, 4).double()
    told, rows = torch.randn(3, 4, dtype=torch.float64), torch.tensor([1, 4, 6])
    one_hot = torch.eye(7, dtype=torch.float64)[rows]
    expected = torch.nn.functional.cosine_similarity(told @ features.output.T, one_hot, dim=1)
    torch.testing.assert_close(features.cosine(told, rows), expected, rtol=1e-12, atol=1e-14)
    make_graphmae(features, CONFIG, backend).double()
