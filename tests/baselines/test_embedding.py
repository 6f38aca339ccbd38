import numpy as np
from sklearn.metrics import f1_score

import scellm
from scellm.baselines import EmbeddingLogisticRegression, GlobalScaler


def test_columns_of_noise_do_not_hide_the_signal(adata):
    """Two columns depend on the type, and two hundred small ones are noise, like the last components of a PCA."""
    rng = np.random.default_rng(0)
    types = adata.obs["cell_type"].astype(str).to_numpy()
    codes = np.unique(types, return_inverse=True)[1]
    signal = np.stack([np.cos(codes), np.sin(codes)], 1) * 5 + rng.normal(size=(len(types), 2)) * 0.1
    adata.obsm["x"] = np.hstack([signal, rng.normal(size=(len(types), 200)) * 0.05])
    few = np.concatenate([np.flatnonzero(types == t)[:2] for t in np.unique(types)])
    rest = np.setdiff1d(np.arange(len(types)), few)
    told = EmbeddingLogisticRegression("x").fit(adata, "cell_type", indices=few).predict(adata, indices=rest)
    assert f1_score(types[rest], told, average="macro") > 0.95
    assert scellm.baselines.PCALogisticRegression().model[0].__class__ is GlobalScaler
