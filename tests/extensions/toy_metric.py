"""A new metric: Cohen's kappa."""

from sklearn.metrics import cohen_kappa_score

from scellm.bm import Metric


class Kappa(Metric):
    """Agreement beyond chance."""

    name, needs = "kappa", "labels"

    def __call__(self, y_true, y_pred, weight=None):
        return float(cohen_kappa_score(y_true, y_pred, sample_weight=weight))
