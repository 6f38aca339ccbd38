"""Simple baselines to compare models with."""

from scellm.baselines._embedding import EmbeddingLogisticRegression
from scellm.baselines._feature_classifier import FeatureClassifier
from scellm.baselines._global_scaler import GlobalScaler
from scellm.baselines._log_expression import log_expression
from scellm.baselines._logistic_regression import LogisticRegression
from scellm.baselines._pca import PCALogisticRegression

__all__ = [
    "EmbeddingLogisticRegression",
    "FeatureClassifier",
    "GlobalScaler",
    "LogisticRegression",
    "PCALogisticRegression",
    "log_expression",
]
