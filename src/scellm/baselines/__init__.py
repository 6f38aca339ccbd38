"""Simple baselines to compare models with."""

from scellm.baselines._embedding import EmbeddingLogisticRegression
from scellm.baselines._feature_classifier import FeatureClassifier
from scellm.baselines._global_scaler import GlobalScaler
from scellm.baselines._joint_embedding import JointEmbedding
from scellm.baselines._l1_logistic_regression import L1LogisticRegression
from scellm.baselines._linear_svm import LinearSVM
from scellm.baselines._log_expression import log_expression
from scellm.baselines._logistic_regression import LogisticRegression
from scellm.baselines._majority_type import MajorityType
from scellm.baselines._pca import PCALogisticRegression
from scellm.baselines._pca_neighbors import PCANeighbors
from scellm.baselines._rank_logistic_regression import RankLogisticRegression
from scellm.baselines._scanvi import ScANVI

__all__ = [
    "EmbeddingLogisticRegression",
    "FeatureClassifier",
    "GlobalScaler",
    "JointEmbedding",
    "L1LogisticRegression",
    "LinearSVM",
    "LogisticRegression",
    "MajorityType",
    "PCALogisticRegression",
    "PCANeighbors",
    "RankLogisticRegression",
    "ScANVI",
    "log_expression",
]
