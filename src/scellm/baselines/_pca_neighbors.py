"""The nearest labelled cells in principal components, as scanpy's `ingest` finds them."""

from __future__ import annotations

from sklearn.neighbors import KNeighborsClassifier

from scellm.baselines._pca import PCALogisticRegression


class PCANeighbors(PCALogisticRegression):
    """The types of the nearest labelled cells, in principal components of the log expression of all cells.

    Parameters
    ----------
    n_components
        Number of components; fewer if there are fewer cells.
    n_neighbors
        Number of labelled cells that vote, each with the same weight. With few labels, a smaller number is better.

    Examples
    --------
    >>> baseline = scellm.baselines.PCANeighbors(10).fit(adata, "cell_type", indices=range(30))
    >>> types = baseline.predict(adata, indices=range(30, 60))
    """

    def __init__(self, n_components: int = 50, n_neighbors: int = 5) -> None:
        super().__init__(n_components, KNeighborsClassifier(n_neighbors))
