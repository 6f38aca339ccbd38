"""What a model has to beat."""

from scellm.baselines._logistic_regression import LogisticRegression

__all__ = ["LogisticRegression"]
