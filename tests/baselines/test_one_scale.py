import numpy as np
import pytest
from sklearn.metrics import f1_score

import scellm
from scellm.baselines import EmbeddingLogisticRegression, OneScale


def test_keeps_the_shape():
    x = np.random.default_rng(0).normal(size=(50, 4)) * [5, 1, 0.1, 0] + 3
    y = OneScale().fit_transform(x)
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-12)
    assert y.var(0).mean() == pytest.approx(1)
    np.testing.assert_allclose(x - x.mean(0), y * np.sqrt(x.var(0).mean()), atol=1e-12)  # one number for all


def test_features_without_spread():
    np.testing.assert_array_equal(OneScale().fit_transform(np.ones((5, 2))), 0)


def test_columns_of_noise_do_not_drown_the_signal(adata):
    """Two columns know the type, two hundred small ones nothing: as the last components of a PCA do."""
    rng = np.random.default_rng(0)
    types = adata.obs["cell_type"].astype(str).to_numpy()
    codes = np.unique(types, return_inverse=True)[1]
    signal = np.stack([np.cos(codes), np.sin(codes)], 1) * 5 + rng.normal(size=(len(types), 2)) * 0.1
    adata.obsm["x"] = np.hstack([signal, rng.normal(size=(len(types), 200)) * 0.05])
    few = np.concatenate([np.flatnonzero(types == t)[:2] for t in np.unique(types)])
    rest = np.setdiff1d(np.arange(len(types)), few)
    told = EmbeddingLogisticRegression("x").fit(adata, "cell_type", indices=few).predict(adata, indices=rest)
    assert f1_score(types[rest], told, average="macro") > 0.95
    assert scellm.baselines.PCALogisticRegression().model[0].__class__ is OneScale
