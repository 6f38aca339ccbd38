import numpy as np
import pytest

from scellm import bm
from scellm.baselines import EmbeddingLogisticRegression, LogisticRegression, PCALogisticRegression


def test_baselines_as_methods(cells):
    cells.obsm["X_known"] = np.eye(3)[np.arange(90) % 3] + np.random.default_rng(0).normal(0, 0.1, (90, 3))
    methods = {
        "log expression": LogisticRegression,
        "PCA": lambda: PCALogisticRegression(10),
        "embedding": lambda: EmbeddingLogisticRegression("X_known"),
    }
    results = bm.run([bm.Task("t", cells, "cell_type", bm.Stratified())], methods, seeds=2, metrics=["accuracy"])
    assert (results.table["value"] > 0.9).all()
    with pytest.raises(KeyError, match=r"Run scellm\.tl\.embed"):
        EmbeddingLogisticRegression("X_none").fit(cells, "cell_type")
