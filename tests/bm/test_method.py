import inspect

import scellm
from scellm import bm


def test_baselines_and_the_model_are_methods():
    wanted = set(inspect.signature(bm.Method.fit).parameters)
    for made in (
        scellm.baselines.LogisticRegression,
        scellm.baselines.PCALogisticRegression,
        scellm.model.CellLMClassifier,
    ):
        assert set(inspect.signature(made.fit).parameters) == wanted
        assert "indices" in inspect.signature(made.predict).parameters
        assert hasattr(made, "predict_proba")
