"""A baseline of its own: nearest neighbours by which genes a cell expresses."""

from sklearn.neighbors import KNeighborsClassifier

from scellm.baselines import FeatureClassifier, log_expression


class ExpressedGenes(FeatureClassifier):
    """Which genes are expressed, whatever how much."""

    def __init__(self):
        super().__init__(estimator=KNeighborsClassifier(3, metric="cosine"))

    def features(self, adata, rows):
        return (log_expression(adata, rows) > 0).astype("float32")
