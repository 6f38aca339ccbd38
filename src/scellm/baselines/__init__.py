"""What a model has to beat."""

from scellm.baselines._embedding import EmbeddingLogisticRegression
from scellm.baselines._logistic_regression import LogisticRegression
from scellm.baselines._one_scale import OneScale
from scellm.baselines._pca import PCALogisticRegression

__all__ = ["EmbeddingLogisticRegression", "LogisticRegression", "OneScale", "PCALogisticRegression"]
