"""A new baseline: nearest neighbours by the genes that a cell expresses."""

from sklearn.neighbors import KNeighborsClassifier

from scellm.baselines import FeatureClassifier, log_expression


class ExpressedGenes(FeatureClassifier):
    """The set of expressed genes, without their levels."""

    def __init__(self):
        super().__init__(estimator=KNeighborsClassifier(3, metric="cosine"))

    def features(self, adata, rows):
        return (log_expression(adata, rows) > 0).astype("float32")
